#pragma once

// One tile of a matrix product, held in registers: 6 rows of A against 16 columns of B, and what
// happens to its elements before they are written (Goto & van de Geijn 2008, "Anatomy of
// high-performance matrix multiplication", section 6).

#include <algorithm>
#include <cstdint>

#include "activation.h"
#include "micro_kernel.h"
#include "simd.h"

namespace dit {

/// What becomes of a sum once it is whole.
enum class Finish {
  plain,
  gelu,        // the tanh form of GELU
  keep_gelu,   // the sum stays, and its GELU goes to a second matrix
  gelu_slope,  // times the slope of GELU at a second matrix
};

/// What happens to one tile of C.
struct Tile {
  const float *a;  // [depth][kRows]
  const float *b;  // [depth][kColumns], aligned
  int64_t depth;
  float *c;
  int64_t stride;     // from one row of C, and of `other`, to the next
  bool first, last;   // of the blocks of K
  const float *bias;  // [kColumns], or null
  Finish finish;
  float *other;       // the second matrix, or null
  const char *ahead;  // what to bring into the cache for later, in lines
  int64_t ahead_lines;
};

DIT_INLINE void finish_tile(const Tile &tile, Vector (&sums)[kRows][2]) {
#pragma clang fp contract(fast) reassociate(on)
  for (int64_t i = 0; i < kRows; i++) {
    for (int64_t j = 0; j < 2; j++) {
      auto *c = reinterpret_cast<UnalignedVector *>(tile.c + i * tile.stride + 8 * j);
      Vector value = sums[i][j];
      if (!tile.first) value += *c;
      if (tile.last) {
        const auto other = [&] {
          return reinterpret_cast<UnalignedVector *>(tile.other + i * tile.stride + 8 * j);
        };
        if (tile.bias != nullptr) {
          value += *reinterpret_cast<const UnalignedVector *>(tile.bias + 8 * j);
        }
        if (tile.finish == Finish::gelu) {
          apply_gelu_tanh<Vector, IntVector>(value);
        } else if (tile.finish == Finish::keep_gelu) {
          Vector activated = value;
          apply_gelu_tanh<Vector, IntVector>(activated);
          *other() = activated;
        } else if (tile.finish == Finish::gelu_slope) {
          Vector slope = *other();
          apply_gelu_tanh_slope<Vector, IntVector>(slope);
          value *= slope;
        }
      }
      *c = value;
    }
  }
}

DIT_INLINE void compute_tile(const Tile &tile) {
  Vector sums[kRows][2] = {};
  for (int64_t i = 0; i < kRows; i++) __builtin_prefetch(tile.c + i * tile.stride, 1, 3);
  for (int64_t i = 0; i < tile.ahead_lines; i++) __builtin_prefetch(tile.ahead + 64 * i, 0, 2);
  multiply_tile(tile.a, 1, kRows, tile.b, 8, tile.depth, sums);
  finish_tile(tile, sums);
}

/// A tile that sticks out of C goes through a buffer. Its bias is whole.
DIT_INLINE void compute_edge(Tile tile, int64_t rows, int64_t columns) {
  alignas(64) float buffer[kRows * kColumns] = {};
  alignas(64) float other_buffer[kRows * kColumns] = {};
  float *const c = tile.c;
  float *const other = tile.other;
  const int64_t stride = tile.stride;
  for (int64_t i = 0; i < rows; i++) {
    const auto at = buffer + i * kColumns;
    if (!tile.first) std::copy_n(c + i * stride, columns, at);
    if (other != nullptr) std::copy_n(other + i * stride, columns, other_buffer + (at - buffer));
  }
  tile.c = buffer;
  tile.other = other_buffer;
  tile.stride = kColumns;
  compute_tile(tile);
  for (int64_t i = 0; i < rows; i++) {
    const auto at = i * kColumns;
    std::copy_n(buffer + at, columns, c + i * stride);
    if (other != nullptr) std::copy_n(other_buffer + at, columns, other + i * stride);
  }
}

}  // namespace dit
