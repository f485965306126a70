#pragma once

// Replaces the kernels' file of this name: conversions by libtorch's types, not by GPU
// instructions.

#include <c10/util/Float8_e4m3fn.h>
#include <c10/util/Half.h>

#include <algorithm>

namespace dit {

inline float from_half(unsigned bits) {
  return c10::Half(static_cast<uint16_t>(bits), c10::Half::from_bits());
}

inline unsigned to_half(float x) { return c10::Half(x).x; }

inline unsigned to_e4m3(float x) {
  return c10::Float8_e4m3fn(x != x ? x : std::clamp(x, -448.0f, 448.0f)).x;
}

inline unsigned to_e4m3_pair(float low, float high) { return to_e4m3(low) | to_e4m3(high) << 8; }

}  // namespace dit
