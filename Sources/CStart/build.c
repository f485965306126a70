#include "cstart.h"

#define TEXT(x) #x
#define EXPANDED_TEXT(x) TEXT(x)

#if defined(__APPLE__)
#define SYSTEM "macOS"
#else
#define SYSTEM "Linux"
#endif

#if defined(__x86_64__)
#define PROCESSOR "x86_64"
#elif defined(__aarch64__)
#define PROCESSOR "aarch64"
#else
#define PROCESSOR "unknown processor"
#endif

const char *cstart_commit(void) {
#if defined(DIT_COMMIT)
  return EXPANDED_TEXT(DIT_COMMIT);
#else
  return "";
#endif
}

const char *cstart_target(void) { return SYSTEM " " PROCESSOR; }
