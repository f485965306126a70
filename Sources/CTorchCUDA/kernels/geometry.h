#pragma once

// The division of rows among threads, for kernels and the code that starts them.

namespace dit {

/// The widest row of the kernels; widths are multiples of 4.
constexpr int kWidest = 8192;

/// Threads of a row: one warp, which sums without shared memory, or four.
constexpr int threads_of_row(int width) { return width <= 2048 ? 32 : 128; }

/// Rows of a block.
constexpr int rows_of_block(int width) { return width <= 2048 ? 4 : 1; }

/// Threads of a block that sums columns. Each has up to four vectors of four columns, so that the
/// sums stay in registers.
constexpr int threads_of_columns(int width) {
  const int vectors = width / 4;
  const int steps = vectors <= 128 ? 1 : vectors <= 256 ? 2 : vectors <= 384 ? 3 : 4;
  return ((vectors + steps - 1) / steps + 31) / 32 * 32;
}

/// Tokens summed by a block. Parts are then summed in a fixed order, so that results are
/// repeatable, and the same for an image alone and in a batch.
constexpr int kTokensOfPart = 16;

/// Threads of a block with four numbers per thread.
constexpr int kThreadsOfBlock = 256;

}  // namespace dit
