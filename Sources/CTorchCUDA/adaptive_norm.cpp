// Adaptive layer norm and the gated residual of adaLN-Zero (Peebles & Xie 2023, section 3.2) with
// their gradients: CUDA for the operators that CKernels defines for training.

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/core/DeviceGuard.h>
#include <torch/library.h>

#include <string>
#include <tuple>

#include "kernel.h"

namespace dit {
namespace {

constexpr const char *kFile = "adaptive_norm.cu";

/// Tokens `[N, T, D]` in float32.
struct Tokens {
  const at::Tensor &tensor;
  int width;
  int64_t images;
  int rows;
  int tokens;
  const float *start;

  explicit Tokens(const at::Tensor &x)
      : tensor(x), width(checked_width(x)), images(x.size(0)), rows(0), tokens(0) {
    TORCH_CHECK(x.dim() == 3 && x.scalar_type() == at::kFloat,
                "tokens must be [N, T, D] float32, not ", x.sizes(), " ", x.scalar_type());
    start = static_cast<const float *>(rows_of(x, "tokens"));
    rows = static_cast<int>(x.size(0) * x.size(1));
    tokens = static_cast<int>(x.size(1));
  }

  /// Parts of an image with column sums of their own.
  int64_t parts() const { return blocks_for(tokens, kTokensOfPart); }

  /// One block for each part.
  Grid grid_of_parts() const {
    return {blocks_for(images * parts(), 1), threads_of_columns(width)};
  }

  at::Tensor empty(at::ScalarType type) const {
    return at::empty(tensor.sizes(), tensor.options().dtype(type));
  }
};

/// A vector for each image, `[N, 1, D]`; it may be a view of a wider table.
struct Vectors {
  const void *start;
  long long stride;

  Vectors(const at::Tensor &values, const at::Tensor &x, at::ScalarType type)
      : start(values.const_data_ptr()), stride(values.dim() == 3 ? values.stride(0) : 0) {
    TORCH_CHECK(values.dim() == 3 && values.size(0) == x.size(0) && values.size(1) == 1 &&
                    values.size(2) == x.size(2) && values.stride(2) == 1 &&
                    (stride % 4 == 0 || values.size(0) == 1) && values.scalar_type() == type,
                "vectors for tokens ", x.sizes(), " must be [N, 1, D] ", type, ", not ",
                values.sizes(), " ", values.scalar_type());
    check_aligned(start, type);
  }
};

/// The start of a branch of the tokens' shape.
const void *branch_of(const at::Tensor &y, const Tokens &x) {
  TORCH_CHECK(y.sizes() == x.tensor.sizes(), "tokens ", x.tensor.sizes(), " and ", y.sizes());
  return rows_of(y, "a branch");
}

/// The kernel's name, such as "dit::gated_add<64, dit::BF16>".
template <typename... Parameters>
std::string name_of(const char *kernel, const Tokens &x, const Parameters &...parameters) {
  return c10::str("dit::", kernel, "<", x.width, c10::str(", ", parameters)..., ">");
}

/// A gated branch, added to the tokens before the norm.
struct Addition {
  const at::Tensor &branch;
  const at::Tensor &gate;
};

using Normalized = std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor>;

/// The sum (x without an addition), its norm, means and deviations.
Normalized normalized(const at::Tensor &x, const Addition *addition, const at::Tensor &shift,
                      const at::Tensor &scale, double epsilon, at::ScalarType dtype) {
  const Tokens tokens(x);
  const at::ScalarType type = shift.scalar_type();
  const Vectors shifts(shift, x, type), factors(scale, x, type);
  const c10::DeviceGuard guard(x.device());
  const at::Tensor sum = addition == nullptr ? x : tokens.empty(at::kFloat);
  const at::Tensor out = tokens.empty(dtype);
  const at::Tensor means = at::empty({x.size(0), x.size(1)}, x.options());
  const at::Tensor deviations = at::empty({x.size(0), x.size(1)}, x.options());
  const void *branch = nullptr;
  Vectors gates = shifts;
  if (addition != nullptr) {
    TORCH_CHECK(addition->branch.scalar_type() == type, "branch and vectors are of one type");
    branch = branch_of(addition->branch, tokens);
    gates = Vectors(addition->gate, x, type);
  }
  launch(kFile,
         name_of("adaptive_norm", tokens, kind(type), kind(dtype), flag(addition != nullptr)),
         grid_of_rows(tokens.rows, tokens.width), tokens.start, branch, gates.start, gates.stride,
         shifts.start, shifts.stride, factors.start, factors.stride, sum.data_ptr<float>(),
         out.data_ptr(), means.data_ptr<float>(), deviations.data_ptr<float>(), tokens.rows,
         tokens.tokens, static_cast<float>(epsilon));
  return {sum, out, means, deviations};
}

/// One thread for four numbers.
Grid grid_of_fours(int64_t count) {
  return {blocks_for(count / 4, kThreadsOfBlock), kThreadsOfBlock};
}

/// `[sums, N, 1, D]` from `[N, parts, sums, D]`.
at::Tensor summed(const at::Tensor &parts, at::ScalarType type) {
  const at::Tensor out =
      at::empty({parts.size(2), parts.size(0), 1, parts.size(3)}, parts.options().dtype(type));
  launch(kFile, c10::str("dit::sum_parts<", kind(type), ">"), grid_of_fours(out.numel()),
         parts.const_data_ptr<float>(), out.data_ptr(), static_cast<int>(parts.size(0)),
         static_cast<int>(parts.size(1)), static_cast<int>(parts.size(2)),
         static_cast<int>(parts.size(3)));
  return out;
}

/// Gradients of tokens, of an addition's branch, and of the vectors: shift, scale, gate.
using NormGradients = std::tuple<at::Tensor, at::Tensor, at::Tensor>;

NormGradients gradients_of(const at::Tensor &gradient, const at::Tensor *sum_gradient,
                           const at::Tensor &x, const Addition *addition, const at::Tensor &scale,
                           const at::Tensor &means, const at::Tensor &deviations) {
  const Tokens tokens(x);
  const at::ScalarType type = scale.scalar_type();
  const Vectors factors(scale, x, type);
  TORCH_CHECK(gradient.sizes() == x.sizes(), "tokens ", x.sizes(), ", gradients ",
              gradient.sizes());
  const c10::DeviceGuard guard(x.device());
  const at::Tensor out = tokens.empty(at::kFloat);
  const int64_t sum_count = addition == nullptr ? 2 : 3;
  const at::Tensor parts =
      at::empty({tokens.images, tokens.parts(), sum_count, tokens.width}, x.options());
  const float *sum_slopes = nullptr;
  const void *branch = nullptr;
  void *branch_to = nullptr;
  at::Tensor branch_gradient;
  Vectors gates = factors;
  if (addition != nullptr) {
    TORCH_CHECK(sum_gradient->sizes() == x.sizes() && addition->branch.scalar_type() == type,
                "gradients have the shape of the tokens, branch and vectors are of one type");
    sum_slopes = Tokens(*sum_gradient).start;
    branch = branch_of(addition->branch, tokens);
    gates = Vectors(addition->gate, x, type);
    branch_gradient = tokens.empty(type);
    branch_to = branch_gradient.data_ptr();
  }
  launch(kFile,
         name_of("adaptive_norm_backward", tokens, kind(type), kind(gradient.scalar_type()),
                 flag(addition != nullptr)),
         tokens.grid_of_parts(), static_cast<const void *>(rows_of(gradient, "gradients")),
         sum_slopes, tokens.start, branch, gates.start, gates.stride, factors.start, factors.stride,
         means.const_data_ptr<float>(), deviations.const_data_ptr<float>(), out.data_ptr<float>(),
         branch_to, parts.data_ptr<float>(), tokens.tokens);
  return {out, branch_gradient, summed(parts, type)};
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> adaptive_norm_forward(const at::Tensor &x,
                                                                     const at::Tensor &shift,
                                                                     const at::Tensor &scale,
                                                                     double epsilon,
                                                                     at::ScalarType dtype) {
  auto [sum, out, means, deviations] = normalized(x, nullptr, shift, scale, epsilon, dtype);
  return {out, means, deviations};
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> adaptive_norm_backward(
    const at::Tensor &gradient, const at::Tensor &x, const at::Tensor &scale,
    const at::Tensor &means, const at::Tensor &deviations) {
  const auto [out, branch, vectors] =
      gradients_of(gradient, nullptr, x, nullptr, scale, means, deviations);
  return {out, vectors[0], vectors[1]};
}

at::Tensor gated_add(const at::Tensor &x, const at::Tensor &y, const at::Tensor &gate) {
  const Tokens tokens(x);
  const at::ScalarType type = y.scalar_type();
  const Vectors gates(gate, x, type);
  const c10::DeviceGuard guard(x.device());
  const at::Tensor out = tokens.empty(at::kFloat);
  launch(kFile, name_of("gated_add", tokens, kind(type)), grid_of_fours(x.numel()), tokens.start,
         branch_of(y, tokens), gates.start, gates.stride, out.data_ptr<float>(), tokens.rows,
         tokens.tokens);
  return out;
}

std::tuple<at::Tensor, at::Tensor> gated_add_backward(const at::Tensor &gradient,
                                                      const at::Tensor &y, const at::Tensor &gate) {
  const Tokens tokens(gradient);
  const at::ScalarType type = y.scalar_type();
  const Vectors gates(gate, gradient, type);
  const c10::DeviceGuard guard(y.device());
  const at::Tensor out = tokens.empty(type);
  const at::Tensor parts =
      at::empty({tokens.images, tokens.parts(), 1, tokens.width}, gradient.options());
  launch(kFile, name_of("gated_add_backward", tokens, kind(type)), tokens.grid_of_parts(),
         tokens.start, branch_of(y, tokens), gates.start, gates.stride, out.data_ptr(),
         parts.data_ptr<float>(), tokens.tokens);
  return {out, summed(parts, type)[0]};
}

Normalized gated_add_norm_forward(const at::Tensor &x, const at::Tensor &y, const at::Tensor &gate,
                                  const at::Tensor &shift, const at::Tensor &scale, double epsilon,
                                  at::ScalarType dtype) {
  const Addition addition{y, gate};
  return normalized(x, &addition, shift, scale, epsilon, dtype);
}

std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor, at::Tensor> gated_add_norm_backward(
    const at::Tensor &sum_gradient, const at::Tensor &gradient, const at::Tensor &sum,
    const at::Tensor &y, const at::Tensor &gate, const at::Tensor &scale, const at::Tensor &means,
    const at::Tensor &deviations) {
  const Addition addition{y, gate};
  const auto [out, branch, vectors] =
      gradients_of(gradient, &sum_gradient, sum, &addition, scale, means, deviations);
  return {out, branch, vectors[2], vectors[0], vectors[1]};
}

}  // namespace

TORCH_LIBRARY_IMPL(dit, CUDA, library) {
  library.impl("adaptive_norm_forward", adaptive_norm_forward);
  library.impl("adaptive_norm_backward", adaptive_norm_backward);
  library.impl("gated_add", gated_add);
  library.impl("gated_add_backward", gated_add_backward);
  library.impl("gated_add_norm_forward", gated_add_norm_forward);
  library.impl("gated_add_norm_backward", gated_add_norm_backward);
}

}  // namespace dit
