#pragma once

#include "common/simd.h"

namespace dit {

/// exp(x) to about 2 units in the last place, with x clamped to -87 ... 88. `Float` is a vector of
/// floats, `Int` a vector of as many 32-bit integers. Vectors are passed by reference: by value,
/// the calling convention would depend on the instruction set.
template <typename Float, typename Int>
DIT_INLINE void apply_exponential(Float &x) {
#pragma clang fp contract(fast)
  const Float low = -87.0f, high = 88.0f;
  x = __builtin_elementwise_max(__builtin_elementwise_min(x, high), low);
  const Float n = __builtin_elementwise_roundeven(x * 1.44269504f);
  // ln 2 in two parts, so that the difference is exact.
  const Float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  Float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const Int exponent = (__builtin_convertvector(n, Int) + 127) << 23;
  x = p * __builtin_bit_cast(Float, exponent);
}

/// GELU (tanh form; Hendrycks & Gimpel 2016, section 2), as x times a logistic sigmoid.
template <typename Float, typename Int>
DIT_INLINE void apply_gelu_tanh(Float &x) {
#pragma clang fp contract(fast)
  // 2 sqrt(2/pi) (x + 0.044715 x^3), negated
  Float e = x * (x * x * -0.07135481283f - 1.5957691216f);
  apply_exponential<Float, Int>(e);
  x /= 1.0f + e;
}

/// The slope of GELU (tanh form): s + x s (1 - s) u', with s(u) the logistic sigmoid.
template <typename Float, typename Int>
DIT_INLINE void apply_gelu_tanh_slope(Float &x) {
#pragma clang fp contract(fast)
  const Float square = x * x;
  Float e = x * (square * -0.07135481283f - 1.5957691216f);
  apply_exponential<Float, Int>(e);
  const Float sigmoid = 1.0f / (1.0f + e);
  // The derivative of 2 sqrt(2/pi) (x + 0.044715 x^3).
  const Float inner = square * 0.21406443849f + 1.5957691216f;
  x = sigmoid + x * sigmoid * (1.0f - sigmoid) * inner;
}

}  // namespace dit
