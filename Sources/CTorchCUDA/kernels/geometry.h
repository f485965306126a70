#pragma once

// How rows of a width are dealt to threads: for the kernels, and for the code that starts them.

namespace dit {

/// The widest row that the kernels take; widths are multiples of 4.
constexpr int kWidest = 8192;

/// Threads that share a row: a warp, which needs no memory to agree on a sum, or four.
constexpr int threads_of_row(int width) { return width <= 2048 ? 32 : 128; }

/// Rows that a block has in hand at once.
constexpr int rows_of_block(int width) { return width <= 2048 ? 4 : 1; }

/// Threads of a block that sums down columns: each holds up to four vectors of four columns, so
/// that their sums stay in registers.
constexpr int threads_of_columns(int width) {
  const int vectors = width / 4;
  const int steps = vectors <= 128 ? 1 : vectors <= 256 ? 2 : vectors <= 384 ? 3 : 4;
  return ((vectors + steps - 1) / steps + 31) / 32 * 32;
}

/// Tokens that a block sums down. What blocks found is summed in their order, so that a sum is the
/// same each time, and for an image alone as in a batch.
constexpr int kTokensOfPart = 16;

/// Threads of a block where each has four numbers to itself.
constexpr int kThreadsOfBlock = 256;

}  // namespace dit
