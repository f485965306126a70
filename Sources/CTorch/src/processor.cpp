#include "ctorch/processor.h"

#include <limits.h>
#include <stdlib.h>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

bool ctorch_has_wide_vectors(void) {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
         __builtin_cpu_supports("avx512dq");
#else
  return false;
#endif
}

bool ctorch_is_limited_to_avx2(void) {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         !__builtin_cpu_supports("avx512f");
#else
  return false;
#endif
}

bool ctorch_has_fast_products(void) {
#if defined(__x86_64__)
  return ctorch_is_limited_to_avx2() || (ctorch_has_wide_vectors() && !__builtin_cpu_is("intel"));
#else
  return false;
#endif
}

bool ctorch_has_bfloat16(void) {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

bool ctorch_has_float16(void) {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512fp16");
#else
  return false;
#endif
}

bool ctorch_has_vnni(void) {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512vnni");
#else
  return false;
#endif
}

void ctorch_prepare_memory(void) {
  // libtorch's allocator reads it once, at its first block.
  setenv("THP_MEM_ALLOC_ENABLE", "1", 0);
#if defined(__GLIBC__)
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, INT_MAX);
#endif
}
