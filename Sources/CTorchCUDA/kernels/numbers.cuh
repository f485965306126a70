#pragma once

// Numbers of each kind, read and written four at a time, float32 in between.

#include <convert.cuh>

namespace dit {

/// Number types; E4M3 is only written.
enum Kind { F32, F16, BF16, E4M3 };

struct Four {
  float a, b, c, d;
};

__device__ inline Four operator+(Four x, Four y) {
  return {x.a + y.a, x.b + y.b, x.c + y.c, x.d + y.d};
}
__device__ inline Four operator*(Four x, Four y) {
  return {x.a * y.a, x.b * y.b, x.c * y.c, x.d * y.d};
}
__device__ inline Four operator+(Four x, float y) { return {x.a + y, x.b + y, x.c + y, x.d + y}; }
__device__ inline Four operator*(Four x, float y) { return {x.a * y, x.b * y, x.c * y, x.d * y}; }

__device__ inline float sum(Four x) { return x.a + x.b + x.c + x.d; }

__device__ inline float largest(Four x) {
  return fmaxf(fmaxf(fabsf(x.a), fabsf(x.b)), fmaxf(fabsf(x.c), fabsf(x.d)));
}

template <Kind KIND>
struct Number;

template <>
struct Number<F32> {
  using Vector = float4;
  static __device__ Four load(Vector v) { return {v.x, v.y, v.z, v.w}; }
  static __device__ Vector store(Four f) { return make_float4(f.a, f.b, f.c, f.d); }
};

template <>
struct Number<F16> {
  using Vector = uint2;
  static __device__ Four load(Vector v) {
    return {from_half(v.x & 0xffff), from_half(v.x >> 16), from_half(v.y & 0xffff),
            from_half(v.y >> 16)};
  }
  static __device__ Vector store(Four f) {
    return make_uint2(to_half(f.a) | to_half(f.b) << 16, to_half(f.c) | to_half(f.d) << 16);
  }
};

template <>
struct Number<BF16> {
  using Vector = uint2;
  // Rounds to nearest, ties to even; NaN stays NaN.
  static __device__ unsigned bits(float x) {
    const unsigned b = __float_as_uint(x);
    return x != x ? 0x7fc0 : (b + 0x7fff + ((b >> 16) & 1)) >> 16;
  }
  static __device__ unsigned pair(float low, float high) {
#if __CUDA_ARCH__ >= 800
    return to_bfloat16_pair(low, high);
#else
    return bits(low) | bits(high) << 16;
#endif
  }
  static __device__ Four load(Vector v) {
    return {__uint_as_float(v.x << 16), __uint_as_float(v.x & 0xffff0000),
            __uint_as_float(v.y << 16), __uint_as_float(v.y & 0xffff0000)};
  }
  static __device__ Vector store(Four f) { return make_uint2(pair(f.a, f.b), pair(f.c, f.d)); }
};

template <>
struct Number<E4M3> {
  using Vector = unsigned;
  static __device__ Vector store(Four f) {
    return to_e4m3_pair(f.a, f.b) | to_e4m3_pair(f.c, f.d) << 16;
  }
};

/// Numbers in memory, four at each index.
template <Kind KIND>
struct Numbers {
  using Vector = typename Number<KIND>::Vector;
  const Vector *start;

  /// The numbers from `offset`, a multiple of four, on.
  __device__ Numbers(const void *from, long long offset)
      : start((const Vector *)from + offset / 4) {}
  /// Reads memory that the kernel does not write; the read need not wait for writes.
  __device__ Four operator[](int place) const { return Number<KIND>::load(__ldg(start + place)); }
  /// Reads memory that the kernel writes later.
  __device__ Four own(int place) const { return Number<KIND>::load(start[place]); }
  __device__ void set(int place, Four f) const {
    ((Vector *)start)[place] = Number<KIND>::store(f);
  }
};

}  // namespace dit
