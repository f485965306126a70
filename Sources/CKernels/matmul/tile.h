#pragma once

// One tile of a matrix product in registers, and the operation on its elements before they are
// written (Goto & van de Geijn 2008, "Anatomy of high-performance matrix multiplication", section
// 6).

#include <algorithm>
#include <cstdint>

#include "common/activation.h"
#include "common/micro_kernel.h"
#include "common/simd.h"

namespace dit {

/// The operation on a finished sum.
enum class Finish {
  plain,
  gelu,        // GELU (tanh form)
  keep_gelu,   // keeps the sum, and writes its GELU to a second matrix
  gelu_slope,  // multiplies by the slope of GELU at a second matrix
};

/// A tile: rows, and two vectors of columns.
template <int lanes_, int64_t rows_>
struct TileShape {
  static constexpr int lanes = lanes_;
  static constexpr int64_t rows = rows_;
  static constexpr int64_t columns = 2 * lanes;
  static constexpr int64_t panels = columns / kColumns;  // of B
  typedef typename Lanes<lanes>::Vector Vector;
  typedef typename Lanes<lanes>::IntVector IntVector;
  typedef typename Lanes<lanes>::UnalignedVector UnalignedVector;
};

using NarrowTile = TileShape<8, kRows>;
using WideTile = TileShape<16, 8>;

/// The computation of one tile of C.
struct Tile {
  const float *a;  // [depth][rows]
  const float *b;  // [depth][kColumns], aligned, for each panel
  int64_t apart;   // from one vector of a row of B to the next
  int64_t depth;
  float *c;
  int64_t stride;     // from one row of C, and of `other`, to the next
  bool first, last;   // whether this is the first, the last block of K
  const float *bias;  // [columns], or null
  Finish finish;
  float *other;       // the second matrix, or null
  const char *ahead;  // memory to prefetch, or null
  int64_t ahead_lines;
};

template <typename Shape>
DIT_INLINE void finish_tile(const Tile &tile, typename Shape::Vector (&sums)[Shape::rows][2]) {
#pragma clang fp contract(fast) reassociate(on)
  using Vector = typename Shape::Vector;
  using IntVector = typename Shape::IntVector;
  using UnalignedVector = typename Shape::UnalignedVector;
  for (int64_t i = 0; i < Shape::rows; i++) {
    for (int64_t j = 0; j < 2; j++) {
      const int64_t at = i * tile.stride + j * Shape::lanes;
      auto *c = reinterpret_cast<UnalignedVector *>(tile.c + at);
      Vector value = sums[i][j];
      if (!tile.first) value += *c;
      if (tile.last) {
        auto *other =
            tile.other == nullptr ? nullptr : reinterpret_cast<UnalignedVector *>(tile.other + at);
        if (tile.bias != nullptr) {
          value += *reinterpret_cast<const UnalignedVector *>(tile.bias + j * Shape::lanes);
        }
        if (tile.finish == Finish::gelu) {
          apply_gelu_tanh<Vector, IntVector>(value);
        } else if (tile.finish == Finish::keep_gelu) {
          Vector activated = value;
          apply_gelu_tanh<Vector, IntVector>(activated);
          *other = activated;
        } else if (tile.finish == Finish::gelu_slope) {
          Vector slope = *other;
          apply_gelu_tanh_slope<Vector, IntVector>(slope);
          value *= slope;
        }
      }
      *c = value;
    }
  }
}

template <typename Shape>
DIT_INLINE void compute_tile(const Tile &tile) {
  typename Shape::Vector sums[Shape::rows][2] = {};
  for (int64_t i = 0; i < Shape::rows; i++) __builtin_prefetch(tile.c + i * tile.stride, 1, 3);
  for (int64_t i = 0; i < tile.ahead_lines; i++) __builtin_prefetch(tile.ahead + 64 * i, 0, 2);
  multiply_tile(tile.a, 1, Shape::rows, tile.b, tile.apart, tile.depth, sums);
  finish_tile<Shape>(tile, sums);
}

/// A tile across the edge of C goes through a buffer. Its bias has the full width.
template <typename Shape>
DIT_INLINE void compute_edge(Tile tile, int64_t rows, int64_t columns) {
  alignas(64) float buffer[Shape::rows * Shape::columns] = {};
  alignas(64) float other_buffer[Shape::rows * Shape::columns] = {};
  float *const c = tile.c;
  float *const other = tile.other;
  const int64_t stride = tile.stride;
  for (int64_t i = 0; i < rows; i++) {
    const auto at = buffer + i * Shape::columns;
    if (!tile.first) std::copy_n(c + i * stride, columns, at);
    if (other != nullptr) std::copy_n(other + i * stride, columns, other_buffer + (at - buffer));
  }
  tile.c = buffer;
  tile.other = other_buffer;
  tile.stride = Shape::columns;
  compute_tile<Shape>(tile);
  for (int64_t i = 0; i < rows; i++) {
    const auto at = i * Shape::columns;
    std::copy_n(buffer + at, columns, c + i * stride);
    if (other != nullptr) std::copy_n(other_buffer + at, columns, other + i * stride);
  }
}

/// Computes `count` tiles, one below the other, for the same columns of B.
///
/// `first` is the uppermost. The tiles of A lie `step` numbers apart, and each prefetches the next
/// lines. From the first tile on, C has `rows` rows; the tiles have `columns` columns.
template <typename Shape>
DIT_INLINE void compute_tiles(const Tile &first, int64_t count, int64_t step, int64_t rows,
                              int64_t columns) {
  for (int64_t t = 0; t < count; t++) {
    Tile tile = first;
    const int64_t at = t * Shape::rows * first.stride;
    tile.a += t * step;
    tile.c += at;
    if (tile.other != nullptr) tile.other += at;
    tile.ahead += t * 64 * first.ahead_lines;
    const int64_t height = std::min(Shape::rows, rows - t * Shape::rows);
    if (height == Shape::rows && columns == Shape::columns) {
      compute_tile<Shape>(tile);
    } else {
      compute_edge<Shape>(tile, height, columns);
    }
  }
}

}  // namespace dit
