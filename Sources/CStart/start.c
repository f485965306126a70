// libgomp is libtorch's on Linux alone.
#if defined(__linux__)

#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "cstart.h"

static const char spin_count[] = "GOMP_SPINCOUNT=" CSTART_SPIN_COUNT;

static int sets(const char *entry, const char *name) {
  size_t length = strlen(name);
  return strncmp(entry, name, length) == 0 && entry[length] == '=';
}

/// Starts the program once more with `spin_count` in its environment, unless the user chose.
static void set_spin_count(int argc, char **argv, char **environment) {
  (void)argc;
  size_t count = 0;
  for (; environment[count] != NULL; count++) {
    if (sets(environment[count], "GOMP_SPINCOUNT") || sets(environment[count], "OMP_WAIT_POLICY"))
      return;
  }
  // Without an interpreter in its memory, the process was started as an argument of the dynamic
  // loader, and /proc/self/exe is the loader.
  if (getauxval(AT_BASE) == 0) return;
  char path[4096];
  ssize_t length = readlink("/proc/self/exe", path, sizeof path);
  if (length <= 0 || (size_t)length == sizeof path || count > 65536) return;
  path[length] = '\0';
  char *next[count + 2];
  memcpy(next, environment, count * sizeof *next);
  next[count] = (char *)spin_count;
  next[count + 1] = NULL;
  // If it fails, the program goes on with libgomp's own count.
  execve(path, argv, next);
}

/// libgomp reads its variables when it is loaded. These functions run before that.
__attribute__((section(".preinit_array"),
               used)) static void (*const before_libraries)(int, char **, char **) = set_spin_count;

#endif
