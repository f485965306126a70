// Adaptive layer norm (Peebles & Xie 2023, section 3.2) with the gated residual before it, and rows
// in 8 bits, each as one pass: the CUDA kernels of the operators that CTorch defines.

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAGuard.h>
#include <torch/library.h>

#include <string>
#include <tuple>
#include <vector>

#include "runtime_compiler.h"

namespace dit {
namespace {

constexpr int64_t kWidestOfWarp = 2048;
constexpr int64_t kWidest = 8192;
constexpr int64_t kWarpsOfBlock = 4;

const char *const kSource =
#include "rows.cu.inc"
    ;

const char *kind(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return "F32";
    case at::kHalf:
      return "F16";
    case at::kBFloat16:
      return "BF16";
    case at::kFloat8_e4m3fn:
      return "E4M3";
    default:
      TORCH_CHECK(false, "no kernel for rows of ", type);
  }
}

/// How rows of a width are dealt to threads.
struct Shape {
  int64_t threads;  // of a row
  int64_t groups;   // rows of a block

  explicit Shape(int64_t width)
      : threads(width <= kWidestOfWarp ? 32 : 128), groups(threads == 32 ? kWarpsOfBlock : 1) {
    TORCH_CHECK(width % 4 == 0 && width <= kWidest, "rows of ", width,
                " numbers: must be a multiple of 4, at most ", kWidest);
  }

  std::vector<std::string> definitions(int64_t width, at::ScalarType in, at::ScalarType out) const {
    return {"WIDTH=" + std::to_string(width), "THREADS=" + std::to_string(threads),
            "GROUPS=" + std::to_string(groups), std::string("INPUT=") + kind(in),
            std::string("OUTPUT=") + kind(out)};
  }

  unsigned blocks(int64_t rows) const {
    return static_cast<unsigned>((rows + groups - 1) / groups);
  }

  unsigned block() const { return static_cast<unsigned>(threads * groups); }
};

/// Sizes of a step, one for each row, where the result is in 8 bits.
at::Tensor scales_for(int64_t rows, at::ScalarType out, const at::Tensor &like) {
  return at::empty({out == at::kFloat8_e4m3fn ? rows : 0, 1}, like.options().dtype(at::kFloat));
}

void check_table(const at::Tensor &table, int64_t start, int64_t width) {
  TORCH_CHECK(table.dim() == 2 && table.scalar_type() == at::kFloat && table.stride(1) == 1 &&
                  table.stride(0) % 4 == 0 && start % 4 == 0 && start >= 0 &&
                  start + width <= table.size(1),
              "a table of modulation is [L, S] in float32, its rows in multiples of 4");
}

std::tuple<at::Tensor, at::Tensor> modulated(const at::Tensor &x, const at::Tensor *residual,
                                             const at::Tensor &labels, const at::Tensor *gates,
                                             int64_t gate, const at::Tensor &table, int64_t shift,
                                             int64_t scale, double epsilon, at::ScalarType dtype) {
  const int64_t width = x.size(-1);
  const int64_t rows = x.numel() / width;
  const Shape shape(width);
  TORCH_CHECK(x.dim() == 3 && x.is_contiguous(), "tokens are [N, T, D], contiguous");
  TORCH_CHECK(
      labels.scalar_type() == at::kLong && labels.numel() == x.size(0) && labels.is_contiguous(),
      "labels are [N], int64");
  check_table(table, shift, width);
  check_table(table, scale, width);
  const c10::cuda::CUDAGuard guard(x.device());
  const at::Tensor out = at::empty(x.sizes(), x.options().dtype(dtype));
  const at::Tensor scales = scales_for(rows, dtype, x);

  auto definitions = shape.definitions(width, x.scalar_type(), dtype);
  definitions.push_back("MODULATE");
  void *tokens = x.data_ptr();
  const void *branch = nullptr;
  const int64_t *label = labels.const_data_ptr<int64_t>();
  const float *gate_start = nullptr;
  long long gate_stride = 0;
  if (residual != nullptr) {
    TORCH_CHECK(residual->numel() == x.numel() && residual->is_contiguous() &&
                    residual->scalar_type() == x.scalar_type(),
                "a residual has the shape and type of the tokens");
    check_table(*gates, gate, width);
    definitions.push_back("RESIDUAL");
    branch = residual->const_data_ptr();
    gate_start = gates->const_data_ptr<float>() + gate;
    gate_stride = gates->stride(0);
  }
  const float *shifts = table.const_data_ptr<float>() + shift;
  const float *factors = table.const_data_ptr<float>() + scale;
  long long table_stride = table.stride(0);
  void *to = out.data_ptr();
  float *steps = scales.data_ptr<float>();
  int row_count = static_cast<int>(rows);
  int token_count = static_cast<int>(x.size(1));
  auto small = static_cast<float>(epsilon);
  void *arguments[] = {&tokens,       &branch, &label, &gate_start, &gate_stride, &shifts, &factors,
                       &table_stride, &to,     &steps, &row_count,  &token_count, &small};
  static const RuntimeCompiler kernel(kSource, "norm_modulate");
  kernel.launch(definitions, shape.blocks(rows), shape.block(), arguments);
  return {out, scales};
}

std::tuple<at::Tensor, at::Tensor> norm_modulate(const at::Tensor &x, const at::Tensor &labels,
                                                 const at::Tensor &table, int64_t shift,
                                                 int64_t scale, double epsilon,
                                                 at::ScalarType dtype) {
  return modulated(x, nullptr, labels, nullptr, 0, table, shift, scale, epsilon, dtype);
}

std::tuple<at::Tensor, at::Tensor> residual_norm_modulate_(
    const at::Tensor &x, const at::Tensor &residual, const std::optional<at::Tensor> &row_scales,
    const std::optional<at::Tensor> &column_scales, const std::optional<at::Tensor> &bias,
    const at::Tensor &labels, const at::Tensor &gates, int64_t gate, const at::Tensor &table,
    int64_t shift, int64_t scale, double epsilon, at::ScalarType dtype) {
  TORCH_CHECK(!row_scales && !column_scales && !bias, "sums of bytes are for the processor");
  return modulated(x, &residual, labels, &gates, gate, table, shift, scale, epsilon, dtype);
}

std::tuple<at::Tensor, at::Tensor> quantize_rows_e4m3(const at::Tensor &x, bool gelu) {
  const int64_t width = x.size(-1);
  const int64_t rows = x.numel() / width;
  const Shape shape(width);
  TORCH_CHECK(x.is_contiguous(), "rows are contiguous");
  const c10::cuda::CUDAGuard guard(x.device());
  const at::Tensor out = at::empty(x.sizes(), x.options().dtype(at::kFloat8_e4m3fn));
  const at::Tensor scales = scales_for(rows, at::kFloat8_e4m3fn, x);
  auto definitions = shape.definitions(width, x.scalar_type(), at::kFloat8_e4m3fn);
  definitions.push_back("QUANTIZE");
  if (gelu) definitions.push_back("GELU");
  const void *from = x.const_data_ptr();
  void *to = out.data_ptr();
  float *steps = scales.data_ptr<float>();
  int row_count = static_cast<int>(rows);
  void *arguments[] = {&from, &to, &steps, &row_count};
  static const RuntimeCompiler kernel(kSource, "quantize_rows");
  kernel.launch(definitions, shape.blocks(rows), shape.block(), arguments);
  return {out, scales};
}

}  // namespace

TORCH_LIBRARY_IMPL(dit, CUDA, library) {
  library.impl("norm_modulate", norm_modulate);
  library.impl("residual_norm_modulate_", residual_norm_modulate_);
  library.impl("quantize_rows_e4m3", quantize_rows_e4m3);
}

}  // namespace dit
