#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

#include <cstdint>
#include <string>

#include "kernels/geometry.h"
#include "runtime_compiler.h"

namespace dit {

/// The kernels' name of a number type.
inline const char *kind(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return "dit::F32";
    case at::kHalf:
      return "dit::F16";
    case at::kBFloat16:
      return "dit::BF16";
    case at::kFloat8_e4m3fn:
      return "dit::E4M3";
    default:
      TORCH_CHECK(false, "no kernel for numbers of ", type);
  }
}

inline const char *flag(bool value) { return value ? "true" : "false"; }

/// The width of a tensor's rows, checked against the limits of the kernels.
inline int checked_width(const at::Tensor &x) {
  const int64_t width = x.dim() == 0 ? 0 : x.size(-1);
  TORCH_CHECK(width > 0 && width % 4 == 0 && width <= kWidest, "rows of ", width,
              " numbers: must be a multiple of 4, at most ", kWidest);
  return static_cast<int>(width);
}

/// Checks the alignment: four numbers are read at once.
inline void check_aligned(const void *start, at::ScalarType type) {
  const auto address = reinterpret_cast<uintptr_t>(start);
  TORCH_CHECK(address % (4 * c10::elementSize(type)) == 0, "numbers of ", type,
              " must begin at a multiple of four numbers");
}

/// The start of contiguous rows.
inline void *rows_of(const at::Tensor &x, const char *what) {
  TORCH_CHECK(x.is_contiguous(), what, " must be contiguous, not ", x.sizes(), " with strides ",
              x.strides());
  void *start = x.data_ptr();
  check_aligned(start, x.scalar_type());
  return start;
}

/// The number of blocks for `count` items, `share` in each.
inline unsigned blocks_for(int64_t count, int64_t share) {
  const int64_t blocks = (count + share - 1) / share;
  TORCH_CHECK(count <= INT32_MAX, count, " are too many for a kernel");
  return static_cast<unsigned>(blocks);
}

/// The blocks of a kernel, and the threads of a block.
struct Grid {
  unsigned blocks;
  int threads;
};

/// Starts a kernel. The arguments must have exactly the types of its parameters.
template <typename... Arguments>
void launch(const std::string &file, const std::string &name, Grid grid, Arguments... arguments) {
  void *pointers[] = {&arguments...};
  launch(file, name, grid.blocks, static_cast<unsigned>(grid.threads), pointers);
}

/// The grid of a pass over rows, with a group of threads per row.
inline Grid grid_of_rows(int64_t rows, int width) {
  return {blocks_for(rows, rows_of_block(width)), threads_of_row(width) * rows_of_block(width)};
}

}  // namespace dit
