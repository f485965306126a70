#pragma once

#include <cstdint>

#include "matmul/tile.h"

namespace dit {

/// A matrix in memory, or its transpose.
struct Matrix {
  const float *data;
  int64_t stride;      // from one row in memory to the next
  bool is_transposed;  // element (i, j) of the matrix is (j, i) in memory
};

/// C = A B in float32, with an operation on the elements as they are written.
struct Product {
  Matrix a;  // [m, k]
  Matrix b;  // [k, n]
  float *c;  // [m, n], contiguous
  int64_t m, n, k;
  const float *bias = nullptr;  // [n], or none
  Finish finish = Finish::plain;
  float *other = nullptr;  // [m, n], contiguous: read or written by `finish`
};

/// The size of a product's tiles.
struct TileSize {
  bool is_wide;  // WideTile, else NarrowTile
  int64_t rows, columns;
};

/// The tile size on this processor.
TileSize tile_size();

/// Packs a, `[m, k]`, as `[tiles][k][rows of a tile]` on all threads. Rows past the end are not
/// used.
void pack_tiles(const Matrix &a, int64_t m, int64_t k, float *out);

/// Computes a product on all threads. The order of each sum depends on `k` alone.
void multiply(const Product &product);

}  // namespace dit
