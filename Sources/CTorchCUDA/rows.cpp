// Adaptive layer norm (Peebles & Xie 2023, section 3.2) with the gated residual before it, and
// 8-bit quantization, each in one pass: CUDA for the operators that CKernels defines for inference.

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/core/DeviceGuard.h>
#include <torch/library.h>

#include <optional>
#include <tuple>

#include "kernel.h"

namespace dit {
namespace {

/// Memory for the scales of rows; empty unless the result is in 8 bits.
at::Tensor scales_for(int64_t rows, at::ScalarType out, const at::Tensor &like) {
  return at::empty({out == at::kFloat8_e4m3fn ? rows : 0, 1}, like.options().dtype(at::kFloat));
}

/// The start of the vectors at an offset in the rows of a table.
const float *vectors(const at::Tensor &table, int64_t place, int64_t width) {
  TORCH_CHECK(table.dim() == 2 && table.scalar_type() == at::kFloat && table.stride(1) == 1 &&
                  table.stride(0) % 4 == 0 && place >= 0 && place + width <= table.size(1),
              "a table of modulation is [L, S] in float32, its rows in multiples of 4");
  const float *start = table.const_data_ptr<float>() + place;
  check_aligned(start, at::kFloat);
  return start;
}

std::tuple<at::Tensor, at::Tensor> modulated(const at::Tensor &x, const at::Tensor *residual,
                                             const at::Tensor &labels, const at::Tensor *gates,
                                             int64_t gate, const at::Tensor &table, int64_t shift,
                                             int64_t scale, double epsilon, at::ScalarType dtype) {
  const int width = checked_width(x);
  TORCH_CHECK(x.dim() == 3, "tokens are [N, T, D], not ", x.sizes());
  TORCH_CHECK(
      labels.scalar_type() == at::kLong && labels.numel() == x.size(0) && labels.is_contiguous(),
      "labels are [N], int64");
  const int64_t rows = x.numel() / width;
  const c10::DeviceGuard guard(x.device());
  const at::Tensor out = at::empty(x.sizes(), x.options().dtype(dtype));
  const at::Tensor scales = scales_for(rows, dtype, x);

  const void *branch = nullptr;
  const float *gate_start = nullptr;
  long long gate_stride = 0;
  if (residual != nullptr) {
    TORCH_CHECK(residual->sizes() == x.sizes() && residual->scalar_type() == x.scalar_type(),
                "a residual has the shape and type of the tokens");
    branch = rows_of(*residual, "a residual");
    gate_start = vectors(*gates, gate, width);
    gate_stride = gates->stride(0);
  }
  const auto name = c10::str("dit::norm_modulate<", width, ", ", kind(x.scalar_type()), ", ",
                             kind(dtype), ", ", flag(residual != nullptr), ">");
  launch("rows.cu", name, grid_of_rows(rows, width), rows_of(x, "tokens"), branch,
         labels.const_data_ptr<int64_t>(), gate_start, gate_stride, vectors(table, shift, width),
         vectors(table, scale, width), static_cast<long long>(table.stride(0)), out.data_ptr(),
         scales.data_ptr<float>(), static_cast<int>(rows), static_cast<int>(x.size(1)),
         static_cast<float>(epsilon));
  return {out, scales};
}

std::tuple<at::Tensor, at::Tensor> norm_modulate(const at::Tensor &x, const at::Tensor &labels,
                                                 const at::Tensor &table, int64_t shift,
                                                 int64_t scale, double epsilon,
                                                 at::ScalarType dtype) {
  return modulated(x, nullptr, labels, nullptr, 0, table, shift, scale, epsilon, dtype);
}

std::tuple<at::Tensor, at::Tensor> residual_norm_modulate_(
    at::Tensor &x, const at::Tensor &residual, const std::optional<at::Tensor> &row_scales,
    const std::optional<at::Tensor> &column_scales, const std::optional<at::Tensor> &bias,
    const at::Tensor &labels, const at::Tensor &gates, int64_t gate, const at::Tensor &table,
    int64_t shift, int64_t scale, double epsilon, at::ScalarType dtype) {
  TORCH_CHECK(!row_scales && !column_scales && !bias, "sums of bytes are for the processor");
  return modulated(x, &residual, labels, &gates, gate, table, shift, scale, epsilon, dtype);
}

std::tuple<at::Tensor, at::Tensor> quantize_rows_e4m3(const at::Tensor &x, bool gelu) {
  const int width = checked_width(x);
  const int64_t rows = x.numel() / width;
  const c10::DeviceGuard guard(x.device());
  const at::Tensor out = at::empty(x.sizes(), x.options().dtype(at::kFloat8_e4m3fn));
  const at::Tensor scales = scales_for(rows, at::kFloat8_e4m3fn, x);
  const auto name =
      c10::str("dit::quantize_rows<", width, ", ", kind(x.scalar_type()), ", ", flag(gelu), ">");
  launch("rows.cu", name, grid_of_rows(rows, width), static_cast<const void *>(rows_of(x, "rows")),
         out.data_ptr(), scales.data_ptr<float>(), static_cast<int>(rows));
  return {out, scales};
}

}  // namespace

TORCH_LIBRARY_IMPL(dit, CUDA, library) {
  library.impl("norm_modulate", norm_modulate);
  library.impl("residual_norm_modulate_", residual_norm_modulate_);
  library.impl("quantize_rows_e4m3", quantize_rows_e4m3);
}

}  // namespace dit
