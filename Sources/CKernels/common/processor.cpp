#include "ckernels/processor.h"

bool ckernels_are_built(void) {
#if defined(DIT_KERNELS_OFF)
  return false;
#else
  return true;
#endif
}

bool ckernels_has_avx512(void) {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
         __builtin_cpu_supports("avx512dq");
#else
  return false;
#endif
}

bool ckernels_has_avx2_only(void) {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         !__builtin_cpu_supports("avx512f");
#else
  return false;
#endif
}

bool ckernels_prefers_own_products(void) {
#if defined(__x86_64__)
  return ckernels_has_avx2_only() || (ckernels_has_avx512() && !__builtin_cpu_is("intel"));
#else
  return false;
#endif
}

bool ckernels_has_avx512_bf16(void) {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

bool ckernels_has_avx512_fp16(void) {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512fp16");
#else
  return false;
#endif
}

bool ckernels_has_avx512_vnni(void) {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512vnni");
#else
  return false;
#endif
}
