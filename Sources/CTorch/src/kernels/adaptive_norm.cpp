// Adaptive layer norm and the gated residual of adaLN-Zero (Peebles & Xie 2023, section 3.2) for
// training: each in one pass forward and two backward, where the plain operators take a dozen.

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <algorithm>
#include <tuple>

#include "modulated.h"
#include "parallel.h"
#include "simd.h"

namespace dit {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Columns that one thread sums at a time: a cache line of each row.
constexpr int64_t column_block = 64;

DIT_CLONES void norm_rows(const float *x, const float *shift, const float *scale, float *out,
                          float *means, float *deviations, int64_t rows, int64_t width,
                          float epsilon) {
  for (int64_t row = 0; row < rows; row++, x += width, out += width) {
    const Modulated value = modulated(x, scale, shift, width, epsilon);
    for (int64_t i = 0; i < width; i++) out[i] = value(i);
    means[row] = value.mean;
    deviations[row] = value.deviation;
  }
}

DIT_CLONES void norm_rows_backward(const float *gradient, const float *x, const float *scale,
                                   const float *means, const float *deviations, float *out,
                                   int64_t rows, int64_t width) {
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
    const float mean_gradient = sum * share;
    const float slope = product * deviation * deviation * share;
    for (int64_t i = 0; i < width; i++) {
      const float g = gradient[i] * (1 + scale[i]);
      out[i] = deviation * (g - mean_gradient - (x[i] - mean) * slope);
    }
  }
}

/// Sums of the gradient, and of the gradient times the normalized input, down some columns.
DIT_CLONES void norm_columns_backward(const float *gradient, const float *x, const float *means,
                                      const float *deviations, float *shifts, float *scales,
                                      int64_t rows, int64_t width, int64_t columns) {
#pragma clang fp contract(fast)
  float shift[column_block] = {};
  float scale[column_block] = {};
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
  float gate[column_block] = {};
  for (int64_t row = 0; row < rows; row++, gradient += width, y += width) {
    for (int64_t i = 0; i < columns; i++) gate[i] += gradient[i] * y[i];
  }
  std::copy_n(gate, columns, gates);
}

void check_tokens(const at::Tensor &x) {
  TORCH_CHECK(x.dim() == 3 && x.is_contiguous() && x.scalar_type() == at::kFloat,
              "tokens must be contiguous [N, T, D] float32, not ", x.sizes(), " ", x.scalar_type());
}

/// A vector for each row of the batch, `[N, 1, D]`, perhaps a part of a wider table.
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
  const int64_t blocks = (width + column_block - 1) / column_block;
  parallel_for(x.size(0) * blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const int64_t first = i % blocks * column_block;
      body(i / blocks, first, std::min(column_block, width - first));
    }
  });
}

using NormResult = std::tuple<at::Tensor, at::Tensor, at::Tensor>;

NormResult adaptive_norm_forward(const at::Tensor &x, const at::Tensor &shift,
                                 const at::Tensor &scale, double epsilon) {
  check_tokens(x);
  const Vectors shifts(shift, x);
  const Vectors scales(scale, x);
  at::Tensor out = at::empty_like(x);
  at::Tensor means = at::empty({x.size(0), x.size(1)}, x.options());
  at::Tensor deviations = at::empty_like(means);
  const int64_t width = x.size(2);
  const auto *from = x.const_data_ptr<float>();
  auto *to = out.data_ptr<float>();
  auto *mean = means.data_ptr<float>();
  auto *deviation = deviations.data_ptr<float>();
  for_rows(x, [&](int64_t n, int64_t row, int64_t rows) {
    norm_rows(from + row * width, shifts.of(n), scales.of(n), to + row * width, mean + row,
              deviation + row, rows, width, static_cast<float>(epsilon));
  });
  return {out, means, deviations};
}

NormResult adaptive_norm_backward(const at::Tensor &gradient, const at::Tensor &x,
                                  const at::Tensor &scale, const at::Tensor &means,
                                  const at::Tensor &deviations) {
  const Vectors scales(scale, x);
  at::Tensor out = at::empty_like(x);
  at::Tensor shift_gradient = at::empty({x.size(0), 1, x.size(2)}, x.options());
  at::Tensor scale_gradient = at::empty_like(shift_gradient);
  const int64_t tokens = x.size(1);
  const int64_t width = x.size(2);
  const auto *g = gradient.const_data_ptr<float>();
  const auto *from = x.const_data_ptr<float>();
  const auto *mean = means.const_data_ptr<float>();
  const auto *deviation = deviations.const_data_ptr<float>();
  auto *to = out.data_ptr<float>();
  auto *shifts = shift_gradient.data_ptr<float>();
  auto *scale_sums = scale_gradient.data_ptr<float>();
  for_rows(x, [&](int64_t n, int64_t row, int64_t rows) {
    norm_rows_backward(g + row * width, from + row * width, scales.of(n), mean + row,
                       deviation + row, to + row * width, rows, width);
  });
  for_columns(x, [&](int64_t n, int64_t column, int64_t columns) {
    const int64_t start = n * tokens * width + column;
    norm_columns_backward(g + start, from + start, mean + n * tokens, deviation + n * tokens,
                          shifts + n * width + column, scale_sums + n * width + column, tokens,
                          width, columns);
  });
  return {out, shift_gradient, scale_gradient};
}

struct AdaptiveNorm : torch::autograd::Function<AdaptiveNorm> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &x, const at::Tensor &shift,
                            const at::Tensor &scale, double epsilon) {
    auto [out, means, deviations] = adaptive_norm_forward(x, shift, scale, epsilon);
    context->save_for_backward({x, scale, means, deviations});
    return out;
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    auto [x, shift, scale] =
        adaptive_norm_backward(gradients[0].contiguous(), saved[0], saved[1], saved[2], saved[3]);
    return {x, shift, scale, at::Tensor()};
  }
};

at::Tensor gated_add_forward(const at::Tensor &x, const at::Tensor &y, const at::Tensor &gate) {
  check_tokens(x);
  check_tokens(y);
  TORCH_CHECK(x.sizes() == y.sizes(), "tokens ", x.sizes(), " and ", y.sizes());
  const Vectors gates(gate, x);
  at::Tensor out = at::empty_like(x);
  const int64_t width = x.size(2);
  const auto *a = x.const_data_ptr<float>();
  const auto *b = y.const_data_ptr<float>();
  auto *to = out.data_ptr<float>();
  for_rows(x, [&](int64_t n, int64_t row, int64_t rows) {
    gated_rows(a + row * width, b + row * width, gates.of(n), to + row * width, rows, width);
  });
  return out;
}

struct GatedAdd : torch::autograd::Function<GatedAdd> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &x, const at::Tensor &y,
                            const at::Tensor &gate) {
    context->save_for_backward({y, gate});
    return gated_add_forward(x, y, gate);
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor gradient = gradients[0].contiguous();
    const at::Tensor &y = saved[0];
    const Vectors gates(saved[1], y);
    at::Tensor out = at::empty_like(y);
    at::Tensor gate_gradient = at::empty({y.size(0), 1, y.size(2)}, y.options());
    const int64_t tokens = y.size(1);
    const int64_t width = y.size(2);
    const auto *g = gradient.const_data_ptr<float>();
    const auto *from = y.const_data_ptr<float>();
    auto *to = out.data_ptr<float>();
    auto *sums = gate_gradient.data_ptr<float>();
    for_rows(y, [&](int64_t n, int64_t row, int64_t rows) {
      gated_rows_backward(g + row * width, gates.of(n), to + row * width, rows, width);
    });
    for_columns(y, [&](int64_t n, int64_t column, int64_t columns) {
      const int64_t start = n * tokens * width + column;
      gated_columns_backward(g + start, from + start, sums + n * width + column, tokens, width,
                             columns);
    });
    return {gradients[0], out, gate_gradient};
  }
};

at::Tensor adaptive_norm(const at::Tensor &x, const at::Tensor &shift, const at::Tensor &scale,
                         double epsilon) {
  return AdaptiveNorm::apply(x, shift, scale, epsilon);
}

at::Tensor gated_add(const at::Tensor &x, const at::Tensor &y, const at::Tensor &gate) {
  return GatedAdd::apply(x, y, gate);
}

at::Tensor adaptive_norm_plain(const at::Tensor &x, const at::Tensor &shift,
                               const at::Tensor &scale, double epsilon) {
  return std::get<0>(adaptive_norm_forward(x, shift, scale, epsilon));
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(dit, library) {
  library.def("adaptive_norm(Tensor x, Tensor shift, Tensor scale, float epsilon) -> Tensor");
  library.def("gated_add(Tensor x, Tensor y, Tensor gate) -> Tensor");
}

TORCH_LIBRARY_IMPL(dit, CPU, library) {
  library.impl("adaptive_norm", adaptive_norm_plain);
  library.impl("gated_add", gated_add_forward);
}

TORCH_LIBRARY_IMPL(dit, AutogradCPU, library) {
  library.impl("adaptive_norm", adaptive_norm);
  library.impl("gated_add", gated_add);
}

}  // namespace dit
