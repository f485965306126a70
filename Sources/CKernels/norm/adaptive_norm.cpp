// Adaptive layer norm, the same with RMSNorm, and the gated residual of adaLN-Zero (Peebles & Xie
// 2023, section 3.2) for training on the processor: one pass forward and two backward. The plain
// operators take a dozen. adaptive_norm_autograd.cpp makes these operators differentiable.

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/library.h>

#include <algorithm>
#include <tuple>

#include "common/parallel.h"
#include "common/simd.h"
#include "norm/modulated.h"

namespace dit {
namespace {

/// Columns summed by a thread at a time.
constexpr int64_t kColumnBlock = 64;

DIT_CLONES void norm_rows(const float *x, const float *shift, const float *scale, float *out,
                          float *means, float *deviations, int64_t rows, int64_t width,
                          float epsilon, bool is_rms) {
  for (int64_t row = 0; row < rows; row++, x += width, out += width) {
    const Modulated value = is_rms ? rms_modulated(x, scale, shift, width, epsilon)
                                   : modulated(x, scale, shift, width, epsilon);
    for (int64_t i = 0; i < width; i++) out[i] = value(i);
    means[row] = value.mean;
    deviations[row] = value.deviation;
  }
}

DIT_CLONES void norm_rows_backward(const float *gradient, const float *x, const float *scale,
                                   const float *means, const float *deviations, float *out,
                                   int64_t rows, int64_t width, bool is_rms) {
#pragma clang fp reassociate(on) contract(fast)
  for (int64_t row = 0; row < rows; row++, gradient += width, x += width, out += width) {
    const float mean = means[row];
    const float deviation = deviations[row];
    float sum = 0;
    float product = 0;
    for (int64_t i = 0; i < width; i++) {
      const float g = gradient[i] * (1 + scale[i]);
      sum += g;
      product += g * (x[i] - mean);
    }
    const float share = 1 / static_cast<float>(width);
    const float mean_gradient = is_rms ? 0 : sum * share;
    const float slope = product * deviation * deviation * share;
    for (int64_t i = 0; i < width; i++) {
      const float g = gradient[i] * (1 + scale[i]);
      out[i] = deviation * (g - mean_gradient - (x[i] - mean) * slope);
    }
  }
}

/// Sums down columns of the gradient, and of the gradient times the normalized input.
DIT_CLONES void norm_columns_backward(const float *gradient, const float *x, const float *means,
                                      const float *deviations, float *shifts, float *scales,
                                      int64_t rows, int64_t width, int64_t columns) {
#pragma clang fp contract(fast)
  float shift[kColumnBlock] = {};
  float scale[kColumnBlock] = {};
  for (int64_t row = 0; row < rows; row++, gradient += width, x += width) {
    const float mean = means[row];
    const float deviation = deviations[row];
    for (int64_t i = 0; i < columns; i++) {
      shift[i] += gradient[i];
      scale[i] += gradient[i] * ((x[i] - mean) * deviation);
    }
  }
  std::copy_n(shift, columns, shifts);
  std::copy_n(scale, columns, scales);
}

DIT_CLONES void gated_rows(const float *x, const float *y, const float *gate, float *out,
                           int64_t rows, int64_t width) {
#pragma clang fp contract(fast)
  for (int64_t row = 0; row < rows; row++, x += width, y += width, out += width) {
    for (int64_t i = 0; i < width; i++) out[i] = x[i] + gate[i] * y[i];
  }
}

DIT_CLONES void gated_rows_backward(const float *gradient, const float *gate, float *out,
                                    int64_t rows, int64_t width) {
  for (int64_t row = 0; row < rows; row++, gradient += width, out += width) {
    for (int64_t i = 0; i < width; i++) out[i] = gradient[i] * gate[i];
  }
}

DIT_CLONES void gated_columns_backward(const float *gradient, const float *y, float *gates,
                                       int64_t rows, int64_t width, int64_t columns) {
#pragma clang fp contract(fast)
  float gate[kColumnBlock] = {};
  for (int64_t row = 0; row < rows; row++, gradient += width, y += width) {
    for (int64_t i = 0; i < columns; i++) gate[i] += gradient[i] * y[i];
  }
  std::copy_n(gate, columns, gates);
}

DIT_CLONES void add_rows(float *x, const float *y, int64_t count) {
  for (int64_t i = 0; i < count; i++) x[i] += y[i];
}

void check_tokens(const at::Tensor &x) {
  TORCH_CHECK(x.dim() == 3 && x.is_contiguous() && x.scalar_type() == at::kFloat,
              "tokens must be contiguous [N, T, D] float32, not ", x.sizes(), " ", x.scalar_type());
}

/// A vector for each image, `[N, 1, D]`; it may be a view of a wider table.
struct Vectors {
  const float *start;
  int64_t stride;

  Vectors(const at::Tensor &values, const at::Tensor &x)
      : start(values.const_data_ptr<float>()), stride(values.stride(0)) {
    TORCH_CHECK(values.dim() == 3 && values.size(0) == x.size(0) && values.size(1) == 1 &&
                    values.size(2) == x.size(2) && (values.stride(2) == 1 || x.size(2) == 1) &&
                    values.scalar_type() == at::kFloat,
                "vectors for tokens ", x.sizes(), " must be [N, 1, D] float32, not ",
                values.sizes());
  }

  const float *of(int64_t row) const { return start + row * stride; }
};

/// Calls `body(n, first row, rows)` for runs of tokens of one image, on all threads.
template <typename Body>
void for_rows(const at::Tensor &x, const Body &body) {
  const int64_t tokens = x.size(1);
  const int64_t run = std::max<int64_t>(1, std::min<int64_t>(tokens, 16));
  const int64_t runs = (tokens + run - 1) / run;
  parallel_for(x.size(0) * runs, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const int64_t first = i % runs * run;
      body(i / runs, i / runs * tokens + first, std::min(run, tokens - first));
    }
  });
}

/// Calls `body(n, first column, columns)` for blocks of columns of one image, on all threads.
template <typename Body>
void for_columns(const at::Tensor &x, const Body &body) {
  const int64_t width = x.size(2);
  const int64_t blocks = (width + kColumnBlock - 1) / kColumnBlock;
  parallel_for(x.size(0) * blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const int64_t first = i % blocks * kColumnBlock;
      body(i / blocks, first, std::min(kColumnBlock, width - first));
    }
  });
}

/// Checks two tensors of tokens of one shape.
void check_tokens(const at::Tensor &x, const at::Tensor &y) {
  check_tokens(x);
  check_tokens(y);
  TORCH_CHECK(x.sizes() == y.sizes(), "tokens ", x.sizes(), " and ", y.sizes());
}

void check_type(at::ScalarType type) {
  TORCH_CHECK(type == at::kFloat, "norms on the processor are float32, not ", type);
}

/// The result of a norm, and the statistics for its gradients.
struct Norm {
  at::Tensor out, means, deviations;

  explicit Norm(const at::Tensor &x)
      : out(at::empty_like(x)),
        means(at::empty({x.size(0), x.size(1)}, x.options())),
        deviations(at::empty_like(means)) {}
};

/// Normalizes rows of image `n`.
void normalize(const at::Tensor &x, const Vectors &shifts, const Vectors &scales, const Norm &norm,
               double epsilon, bool is_rms, int64_t n, int64_t row, int64_t rows) {
  const int64_t width = x.size(2);
  norm_rows(x.const_data_ptr<float>() + row * width, shifts.of(n), scales.of(n),
            norm.out.data_ptr<float>() + row * width, norm.means.data_ptr<float>() + row,
            norm.deviations.data_ptr<float>() + row, rows, width, static_cast<float>(epsilon),
            is_rms);
}

template <bool kIsRMS>
std::tuple<at::Tensor, at::Tensor, at::Tensor> adaptive_norm_forward(const at::Tensor &x,
                                                                     const at::Tensor &shift,
                                                                     const at::Tensor &scale,
                                                                     double epsilon,
                                                                     at::ScalarType type) {
  check_tokens(x);
  check_type(type);
  const Vectors shifts(shift, x);
  const Vectors scales(scale, x);
  const Norm norm(x);
  for_rows(x, [&](int64_t n, int64_t row, int64_t rows) {
    normalize(x, shifts, scales, norm, epsilon, kIsRMS, n, row, rows);
  });
  return {norm.out, norm.means, norm.deviations};
}

/// Adds rows of a branch of image `n`, times the gate.
void add_gated(const at::Tensor &x, const at::Tensor &y, const Vectors &gates,
               const at::Tensor &out, int64_t n, int64_t row, int64_t rows) {
  const int64_t width = x.size(2), start = row * width;
  gated_rows(x.const_data_ptr<float>() + start, y.const_data_ptr<float>() + start, gates.of(n),
             out.data_ptr<float>() + start, rows, width);
}

at::Tensor gated_add(const at::Tensor &x, const at::Tensor &y, const at::Tensor &gate) {
  check_tokens(x, y);
  const Vectors gates(gate, x);
  at::Tensor out = at::empty_like(x);
  for_rows(
      x, [&](int64_t n, int64_t row, int64_t rows) { add_gated(x, y, gates, out, n, row, rows); });
  return out;
}

template <bool kIsRMS>
std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor> gated_add_norm_forward(
    const at::Tensor &x, const at::Tensor &y, const at::Tensor &gate, const at::Tensor &shift,
    const at::Tensor &scale, double epsilon, at::ScalarType type) {
  check_tokens(x, y);
  check_type(type);
  const Vectors gates(gate, x), shifts(shift, x), scales(scale, x);
  at::Tensor sum = at::empty_like(x);
  const Norm norm(x);
  for_rows(x, [&](int64_t n, int64_t row, int64_t rows) {
    add_gated(x, y, gates, sum, n, row, rows);
    normalize(sum, shifts, scales, norm, epsilon, kIsRMS, n, row, rows);
  });
  return {sum, norm.out, norm.means, norm.deviations};
}

/// Memory for the gradient of vectors.
at::Tensor empty_vectors(const at::Tensor &x) {
  return at::empty({x.size(0), 1, x.size(2)}, x.options());
}

/// The gradients of shift and scale.
std::tuple<at::Tensor, at::Tensor> norm_vector_gradients(const at::Tensor &gradient,
                                                         const at::Tensor &x,
                                                         const at::Tensor &means,
                                                         const at::Tensor &deviations) {
  at::Tensor shift = empty_vectors(x), scale = empty_vectors(x);
  const int64_t tokens = x.size(1), width = x.size(2);
  for_columns(x, [&](int64_t n, int64_t column, int64_t columns) {
    const int64_t start = n * tokens * width + column, place = n * width + column;
    norm_columns_backward(
        gradient.const_data_ptr<float>() + start, x.const_data_ptr<float>() + start,
        means.const_data_ptr<float>() + n * tokens, deviations.const_data_ptr<float>() + n * tokens,
        shift.data_ptr<float>() + place, scale.data_ptr<float>() + place, tokens, width, columns);
  });
  return {shift, scale};
}

/// The gradient of the gate.
at::Tensor gate_gradient(const at::Tensor &gradient, const at::Tensor &y) {
  at::Tensor gate = empty_vectors(y);
  const int64_t tokens = y.size(1), width = y.size(2);
  for_columns(y, [&](int64_t n, int64_t column, int64_t columns) {
    const int64_t start = n * tokens * width + column;
    gated_columns_backward(gradient.const_data_ptr<float>() + start,
                           y.const_data_ptr<float>() + start,
                           gate.data_ptr<float>() + n * width + column, tokens, width, columns);
  });
  return gate;
}

/// The gradient of normalized tokens, for rows of image `n`.
void norm_backward(const at::Tensor &gradient, const at::Tensor &x, const Vectors &scales,
                   const at::Tensor &means, const at::Tensor &deviations, const at::Tensor &out,
                   bool is_rms, int64_t n, int64_t row, int64_t rows) {
  const int64_t width = x.size(2), start = row * width;
  norm_rows_backward(gradient.const_data_ptr<float>() + start, x.const_data_ptr<float>() + start,
                     scales.of(n), means.const_data_ptr<float>() + row,
                     deviations.const_data_ptr<float>() + row, out.data_ptr<float>() + start, rows,
                     width, is_rms);
}

template <bool kIsRMS>
std::tuple<at::Tensor, at::Tensor, at::Tensor> adaptive_norm_backward(
    const at::Tensor &gradient, const at::Tensor &x, const at::Tensor &scale,
    const at::Tensor &means, const at::Tensor &deviations) {
  check_tokens(gradient, x);
  const Vectors scales(scale, x);
  at::Tensor out = at::empty_like(x);
  for_rows(x, [&](int64_t n, int64_t row, int64_t rows) {
    norm_backward(gradient, x, scales, means, deviations, out, kIsRMS, n, row, rows);
  });
  const auto [shift, factor] = norm_vector_gradients(gradient, x, means, deviations);
  return {out, shift, factor};
}

std::tuple<at::Tensor, at::Tensor> gated_add_backward(const at::Tensor &gradient,
                                                      const at::Tensor &y, const at::Tensor &gate) {
  check_tokens(gradient, y);
  const Vectors gates(gate, y);
  at::Tensor out = at::empty_like(y);
  const int64_t width = y.size(2);
  for_rows(y, [&](int64_t n, int64_t row, int64_t rows) {
    gated_rows_backward(gradient.const_data_ptr<float>() + row * width, gates.of(n),
                        out.data_ptr<float>() + row * width, rows, width);
  });
  return {out, gate_gradient(gradient, y)};
}

template <bool kIsRMS>
std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor, at::Tensor> gated_add_norm_backward(
    const at::Tensor &sum_gradient, const at::Tensor &gradient, const at::Tensor &sum,
    const at::Tensor &y, const at::Tensor &gate, const at::Tensor &scale, const at::Tensor &means,
    const at::Tensor &deviations) {
  check_tokens(gradient, sum);
  check_tokens(sum_gradient, y);
  const Vectors gates(gate, y), scales(scale, sum);
  at::Tensor out = at::empty_like(sum), branch = at::empty_like(y);
  const int64_t width = sum.size(2);
  for_rows(sum, [&](int64_t n, int64_t row, int64_t rows) {
    norm_backward(gradient, sum, scales, means, deviations, out, kIsRMS, n, row, rows);
    auto *slopes = out.data_ptr<float>() + row * width;
    add_rows(slopes, sum_gradient.const_data_ptr<float>() + row * width, rows * width);
    gated_rows_backward(slopes, gates.of(n), branch.data_ptr<float>() + row * width, rows, width);
  });
  const auto [shift, factor] = norm_vector_gradients(gradient, sum, means, deviations);
  return {out, branch, gate_gradient(out, y), shift, factor};
}

}  // namespace

TORCH_LIBRARY_IMPL(dit, CPU, library) {
  library.impl("adaptive_norm_forward", adaptive_norm_forward<false>);
  library.impl("adaptive_norm_backward", adaptive_norm_backward<false>);
  library.impl("adaptive_rms_forward", adaptive_norm_forward<true>);
  library.impl("adaptive_rms_backward", adaptive_norm_backward<true>);
  library.impl("gated_add", gated_add);
  library.impl("gated_add_backward", gated_add_backward);
  library.impl("gated_add_norm_forward", gated_add_norm_forward<false>);
  library.impl("gated_add_norm_backward", gated_add_norm_backward<false>);
  library.impl("gated_add_rms_forward", gated_add_norm_forward<true>);
  library.impl("gated_add_rms_backward", gated_add_norm_backward<true>);
}

}  // namespace dit
