#pragma once

#include <cstdint>

#include "common/simd.h"

namespace dit {

/// A bfloat16 number in memory: the upper half of a float.
struct BFloat16 {
  uint16_t bits;
};

DIT_INLINE float number(float x) { return x; }

DIT_INLINE float number(BFloat16 x) {
  return __builtin_bit_cast(float, static_cast<uint32_t>(x.bits) << 16);
}

DIT_INLINE void store(float &to, float x) { to = x; }

/// Rounds to nearest, ties to even; NaN stays NaN.
DIT_INLINE void store(BFloat16 &to, float x) {
  const uint32_t bits = __builtin_bit_cast(uint32_t, x);
  const uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  to.bits = static_cast<uint16_t>(x != x ? 0x7fc0 : rounded);
}

}  // namespace dit
