#pragma once

// Conversions by one instruction of the GPU. Tests, which run kernels on a processor, have another
// file of this name.

namespace dit {

__device__ __forceinline__ float from_half(unsigned bits) {
  float x;
  asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"((unsigned short)bits));
  return x;
}

/// Rounds to nearest, ties to even.
__device__ __forceinline__ unsigned to_half(float x) {
  unsigned short bits;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(x));
  return bits;
}

#if __CUDA_ARCH__ >= 800
/// Rounds to nearest, ties to even.
__device__ __forceinline__ unsigned to_bfloat16_pair(float low, float high) {
  unsigned pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
}
#endif

/// Rounds to nearest, ties to even; larger numbers become 448. For compute capability 8.9 and
/// above.
__device__ __forceinline__ unsigned to_e4m3_pair(float low, float high) {
  unsigned short pair;
  asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(pair) : "f"(high), "f"(low));
  return pair;
}

}  // namespace dit
