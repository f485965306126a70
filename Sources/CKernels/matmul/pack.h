#pragma once

// Packs parts of matrices for `compute_tile`, which then reads memory in order.

#include <cstring>

#include "matmul/tile.h"

namespace dit {

/// Transposes 8 x 8 elements.
DIT_INLINE void transpose(Vector (&rows)[8]) {
#define DIT_MIX(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
  Vector pairs[8];
  for (int i = 0; i < 8; i += 2) {
    pairs[i] = DIT_MIX(rows[i], rows[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    pairs[i + 1] = DIT_MIX(rows[i], rows[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
  Vector fours[8];
  for (int i = 0; i < 8; i += 4) {
    fours[i] = DIT_MIX(pairs[i], pairs[i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
    fours[i + 1] = DIT_MIX(pairs[i], pairs[i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    fours[i + 2] = DIT_MIX(pairs[i + 1], pairs[i + 3], 0, 1, 8, 9, 4, 5, 12, 13);
    fours[i + 3] = DIT_MIX(pairs[i + 1], pairs[i + 3], 2, 3, 10, 11, 6, 7, 14, 15);
  }
  for (int i = 0; i < 4; i++) {
    rows[i] = DIT_MIX(fours[i], fours[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    rows[i + 4] = DIT_MIX(fours[i], fours[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
#undef DIT_MIX
}

/// Up to 8 rows of `pack_transposed`, from `part` on.
template <int64_t width, int64_t part>
DIT_INLINE void pack_part(const float *x, int64_t stride, int64_t count, int64_t depth,
                          float *out) {
  constexpr int64_t step = width - part < 8 ? width - part : 8;
  const float *rows[8];
  for (int64_t i = 0; i < 8; i++) {
    rows[i] = x + std::min(part + std::min(i, step - 1), count - 1) * stride;
  }
  int64_t k = 0;
  for (; k + 8 <= depth; k += 8) {
    Vector block[8];
    for (int64_t i = 0; i < 8; i++) {
      block[i] = *reinterpret_cast<const UnalignedVector *>(rows[i] + k);
    }
    transpose(block);
    // If `width` is below 8, a vector reaches into the next row, which is written later.
    const int64_t whole = step == 8 ? 8 : width > 8 ? 0 : k + 8 == depth ? 7 : 8;
    for (int64_t i = 0; i < whole; i++) {
      *reinterpret_cast<UnalignedVector *>(out + (k + i) * width + part) = block[i];
    }
    for (int64_t i = whole; i < 8; i++) {
      std::memcpy(out + (k + i) * width + part, &block[i], step * sizeof(float));
    }
  }
  for (; k < depth; k++) {
    for (int64_t i = 0; i < step; i++) out[k * width + part + i] = rows[i][k];
  }
}

/// Packs `width` rows of x, `depth` numbers each, as [depth][width]. Rows from `count` on repeat
/// the last.
template <int64_t width>
DIT_INLINE void pack_transposed(const float *x, int64_t stride, int64_t count, int64_t depth,
                                float *out) {
  static_assert(width <= 16);
  pack_part<width, 0>(x, stride, count, depth, out);
  if constexpr (width > 8) pack_part<width, 8>(x, stride, count, depth, out);
}

/// Packs `width` columns of x of `depth` rows as [depth][width]. Columns from `count` on are 0.
template <int64_t width>
DIT_INLINE void pack_columns(const float *x, int64_t stride, int64_t count, int64_t depth,
                             float *out) {
  for (int64_t k = 0; k < depth; k++, x += stride, out += width) {
    if (count >= width) {
      std::memcpy(out, x, width * sizeof(float));
    } else {
      for (int64_t i = 0; i < width; i++) out[i] = i < count ? x[i] : 0;
    }
  }
}

}  // namespace dit
