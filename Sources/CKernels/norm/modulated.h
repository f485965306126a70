#pragma once

#include <cmath>
#include <cstdint>

#include "common/simd.h"

namespace dit {

DIT_INLINE float sum_of(const float *x, int64_t width) {
#pragma clang fp reassociate(on) contract(fast)
  float sum = 0;
  for (int64_t i = 0; i < width; i++) sum += x[i];
  return sum;
}

DIT_INLINE float sum_of_squares(const float *x, float mean, int64_t width) {
#pragma clang fp reassociate(on) contract(fast)
  float sum = 0;
  for (int64_t i = 0; i < width; i++) sum += (x[i] - mean) * (x[i] - mean);
  return sum;
}

/// A row normalized to mean 0 and variance 1, then scaled and shifted (adaLN).
struct Modulated {
  const float *x;
  const float *scale;
  const float *shift;
  float mean;
  float deviation;

  __attribute__((always_inline)) float operator()(int64_t i) const {
#pragma clang fp contract(fast)
    return (x[i] - mean) * deviation * (1 + scale[i]) + shift[i];
  }
};

/// The norm of a row `x`, modulated; elements are computed as they are read.
DIT_INLINE Modulated modulated(const float *x, const float *scale, const float *shift,
                               int64_t width, float epsilon) {
  const float mean = sum_of(x, width) / static_cast<float>(width);
  const float variance = sum_of_squares(x, mean, width) / static_cast<float>(width);
  return {x, scale, shift, mean, 1 / std::sqrt(variance + epsilon)};
}

/// The row over the root of its mean square, modulated.
DIT_INLINE Modulated rms_modulated(const float *x, const float *scale, const float *shift,
                                   int64_t width, float epsilon) {
  const float square = sum_of_squares(x, 0, width) / static_cast<float>(width);
  return {x, scale, shift, 0, 1 / std::sqrt(square + epsilon)};
}

}  // namespace dit
