#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#include "common/simd.h"

namespace dit {

/// The zero point: a byte stands for (byte - 128) times the scale of its row.
constexpr int32_t kZeroPoint = 128;
constexpr float kLargestStep = 127;

/// The largest magnitude of `value(0)` ..< `value(width)`. It compares bit patterns, in which NaN
/// is above infinity and infinity above all numbers, so that neither is lost.
template <typename Value>
DIT_INLINE float largest_magnitude(int64_t width, const Value &value) {
  uint32_t largest = 0;
  for (int64_t i = 0; i < width; i++) {
    const uint32_t bits = __builtin_bit_cast(uint32_t, value(i)) & 0x7fffffff;
    largest = bits > largest ? bits : largest;
  }
  return __builtin_bit_cast(float, largest);
}

/// Quantizes `value(i)` around `zero`; the largest magnitude becomes 127 steps.
///
/// Returns the scale, the size of a step: 0 for a row of zeros, NaN for a row with infinity or NaN.
template <typename Byte, typename Value>
DIT_INLINE float quantize_row(Byte *__restrict out, int32_t zero, int64_t width,
                              const Value &value) {
  const float largest = largest_magnitude(width, value);
  // Below this bound the inverse overflows.
  const bool is_usable = largest > 1e-30f && largest <= std::numeric_limits<float>::max();
  if (!is_usable) {
    for (int64_t i = 0; i < width; i++) out[i] = static_cast<Byte>(zero);
    return largest <= 1e-30f ? 0 : std::numeric_limits<float>::quiet_NaN();
  }
  const float inverse = kLargestStep / largest;
  for (int64_t i = 0; i < width; i++) {
    float steps = __builtin_roundevenf(value(i) * inverse);
    steps = steps > kLargestStep ? kLargestStep : steps;
    steps = steps < -kLargestStep ? -kLargestStep : steps;
    out[i] = static_cast<Byte>(static_cast<int32_t>(steps) + zero);
  }
  return largest / kLargestStep;
}

/// The elements of a row.
struct Elements {
  const float *x;

  __attribute__((always_inline)) float operator()(int64_t i) const { return x[i]; }
};

}  // namespace dit
