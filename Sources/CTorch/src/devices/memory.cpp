#include "ctorch/memory.h"

#include <limits.h>
#include <stdlib.h>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

void ctorch_prepare_memory(void) {
  // libtorch's allocator reads it once, at its first block.
  setenv("THP_MEM_ALLOC_ENABLE", "1", 0);
#if defined(__GLIBC__)
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, INT_MAX);
#endif
}
