#pragma once

#include "common/simd.h"

namespace dit {

// Minimal filtering F(4x4, 3x3): 36 multiplications give 4 x 4 results of a 3x3 convolution; the
// plain sum takes 144 (Lavin & Gray 2016, "Fast algorithms for convolutional neural networks",
// section 4; Toom-Cook with the points 0, 1, -1, 1/2, -2 and infinity). With these points the
// float32 rounding error is as small as the plain sum's; with the usual 2 in place of 1/2 it is
// three times as large.

constexpr int kWinogradTile = 4;  // results of a tile, along each side
constexpr int kWinogradSide = 6;  // products of a tile, along each side
constexpr int kWinogradProducts = 36;

/// Transforms six inputs along one side of a tile, in place (the matrix Bᵀ).
template <typename Float>
DIT_INLINE void transform_input(Float (&d)[6]) {
#pragma clang fp contract(fast)
  const Float e = d[4] + 2.5f * d[3], f = d[4] - 2.5f * d[2], g = d[4] - d[2], h = d[3] - d[1];
  d[0] = d[0] + d[4] + 1.5f * h - 2.0f * d[2];
  d[5] = d[5] + d[1] + 1.5f * g - 2.0f * d[3];
  const Float t1 = e + 0.5f * d[2] - d[1];
  const Float t2 = f + 0.5f * d[3] + d[1];
  d[1] = t1;
  d[2] = t2;
  d[3] = g + 2.0f * h;
  d[4] = g - 0.5f * h;
}

/// Transforms three filter weights along one side to six (the matrix G).
template <typename Float>
DIT_INLINE void transform_filter(const Float (&g)[3], Float (&out)[6]) {
#pragma clang fp contract(fast)
  const Float even = (g[0] + g[2]) * (1.0f / 3.0f), odd = g[1] * (1.0f / 3.0f);
  out[0] = g[0];
  out[1] = even + odd;
  out[2] = odd - even;
  out[3] = (-16.0f / 15.0f) * g[0] - (8.0f / 15.0f) * g[1] - (4.0f / 15.0f) * g[2];
  out[4] = (1.0f / 15.0f) * g[0] - (2.0f / 15.0f) * g[1] + (4.0f / 15.0f) * g[2];
  out[5] = g[2];
}

/// Transforms six sums of products along one side to four results (the matrix Aᵀ).
template <typename Float>
DIT_INLINE void transform_output(const Float (&m)[6], Float (&out)[4]) {
#pragma clang fp contract(fast)
  const Float sum = m[1] + m[2], difference = m[1] - m[2];
  out[0] = m[0] + sum + (m[3] + m[4]);
  out[1] = difference + 0.5f * m[3] - 2.0f * m[4];
  out[2] = sum + 0.25f * m[3] + 4.0f * m[4];
  out[3] = difference + 0.125f * m[3] - 8.0f * m[4] + m[5];
}

}  // namespace dit
