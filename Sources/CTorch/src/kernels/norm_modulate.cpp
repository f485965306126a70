// Layer norm with adaptive scale and shift (adaLN; Peebles & Xie 2023, section 3.2), and the gated
// residual before it, each row read and written once.

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty_like.h>
#include <torch/library.h>

#include <cmath>

#include "parallel.h"
#include "simd.h"

namespace dit {
namespace {

struct Rows {
  float *x;               // [N T, D], updated where there is a residual
  const float *residual;  // [N T, D] or null
  float *out;             // [N T, D] or null
  const float *gates;     // [L, ...]: the gate of each label
  const float *shifts;    // [L, ...]
  const float *scales;    // [L, ...]
  const int64_t *labels;  // [N]: which label a row has
  int64_t gate_stride;    // from one label's gate to the next
  int64_t stride;         // from one label's shift or scale to the next
  int64_t tokens;         // T
  int64_t width;          // D
  float epsilon;
};

DIT_INLINE float sum_of(const float *x, int64_t width) {
#pragma clang fp reassociate(on) contract(fast)
  float sum = 0;
  for (int64_t i = 0; i < width; i++) sum += x[i];
  return sum;
}

DIT_INLINE float sum_of_squares(const float *x, float mean, int64_t width) {
#pragma clang fp reassociate(on) contract(fast)
  float sum = 0;
  for (int64_t i = 0; i < width; i++) sum += (x[i] - mean) * (x[i] - mean);
  return sum;
}

DIT_INLINE void add_gated(float *__restrict x, const float *__restrict y,
                          const float *__restrict gate, int64_t width) {
#pragma clang fp contract(fast)
  for (int64_t i = 0; i < width; i++) x[i] += gate[i] * y[i];
}

DIT_INLINE void normalize(float *__restrict out, const float *__restrict x,
                          const float *__restrict scale, const float *__restrict shift, float mean,
                          float deviation, int64_t width) {
#pragma clang fp contract(fast)
  for (int64_t i = 0; i < width; i++) {
    out[i] = (x[i] - mean) * deviation * (1 + scale[i]) + shift[i];
  }
}

DIT_CLONES void process(const Rows &rows, int64_t begin, int64_t end) {
  const int64_t width = rows.width;
  for (int64_t row = begin; row < end; row++) {
    float *x = rows.x + row * width;
    const int64_t label = rows.labels[row / rows.tokens];
    if (rows.residual != nullptr) {
      add_gated(x, rows.residual + row * width, rows.gates + label * rows.gate_stride, width);
    }
    if (rows.out != nullptr) {
      const float mean = sum_of(x, width) / static_cast<float>(width);
      const float variance = sum_of_squares(x, mean, width) / static_cast<float>(width);
      const float deviation = 1 / std::sqrt(variance + rows.epsilon);
      normalize(rows.out + row * width, x, rows.scales + label * rows.stride,
                rows.shifts + label * rows.stride, mean, deviation, width);
    }
  }
}

/// A table `[L, S]` holds, for each label, vectors of width D side by side; returns the one at
/// `place`.
const float *vectors(const at::Tensor &x, const at::Tensor &table, int64_t label_count,
                     int64_t place) {
  TORCH_CHECK(table.dim() == 2 && table.is_contiguous() && table.scalar_type() == at::kFloat,
              "a table must be contiguous [L, S] float32, not ", table.sizes());
  TORCH_CHECK(label_count <= table.size(0), "label ", label_count - 1, " of ", table.size(0));
  TORCH_CHECK(place >= 0 && place + x.size(2) <= table.size(1), "a vector of ", x.size(2), " at ",
              place, " in rows of ", table.size(1));
  return table.const_data_ptr<float>() + place;
}

/// One more than the largest label.
int64_t checked_label_count(const at::Tensor &x, const at::Tensor &labels) {
  TORCH_CHECK(labels.dim() == 1 && labels.size(0) == x.size(0) && labels.is_contiguous() &&
                  labels.scalar_type() == at::kLong,
              "labels must be [N] int64, not ", labels.sizes());
  const auto *values = labels.const_data_ptr<int64_t>();
  int64_t count = 0;
  for (int64_t i = 0; i < labels.size(0); i++) {
    TORCH_CHECK(values[i] >= 0, "label ", values[i]);
    count = std::max(count, values[i] + 1);
  }
  return count;
}

Rows rows_of(const at::Tensor &x, const at::Tensor &labels) {
  TORCH_CHECK(x.dim() == 3 && x.is_contiguous() && x.scalar_type() == at::kFloat,
              "tokens must be contiguous [N, T, D] float32, not ", x.sizes());
  Rows rows{};
  rows.x = const_cast<float *>(x.const_data_ptr<float>());
  rows.labels = labels.const_data_ptr<int64_t>();
  rows.tokens = x.size(1);
  rows.width = x.size(2);
  return rows;
}

void add_residual(Rows &rows, const at::Tensor &x, const at::Tensor &residual,
                  const at::Tensor &table, int64_t label_count, int64_t place) {
  TORCH_CHECK(residual.sizes() == x.sizes() && residual.is_contiguous() &&
                  residual.scalar_type() == at::kFloat,
              "the residual must be like the tokens ", x.sizes(), ", not ", residual.sizes());
  rows.residual = residual.const_data_ptr<float>();
  rows.gates = vectors(x, table, label_count, place);
  rows.gate_stride = table.size(1);
}

at::Tensor add_norm(Rows &rows, const at::Tensor &x, const at::Tensor &table, int64_t label_count,
                    int64_t shift, int64_t scale, double epsilon) {
  at::Tensor out = at::empty_like(x);
  rows.out = out.data_ptr<float>();
  rows.shifts = vectors(x, table, label_count, shift);
  rows.scales = vectors(x, table, label_count, scale);
  rows.stride = table.size(1);
  rows.epsilon = static_cast<float>(epsilon);
  return out;
}

void run(const Rows &rows, const at::Tensor &x) {
  parallel_for(x.size(0) * x.size(1), 8,
               [&](int64_t begin, int64_t end) { process(rows, begin, end); });
}

at::Tensor norm_modulate(const at::Tensor &x, const at::Tensor &labels, const at::Tensor &table,
                         int64_t shift, int64_t scale, double epsilon) {
  const int64_t count = checked_label_count(x, labels);
  Rows rows = rows_of(x, labels);
  at::Tensor out = add_norm(rows, x, table, count, shift, scale, epsilon);
  run(rows, x);
  return out;
}

at::Tensor residual_norm_modulate_(at::Tensor &x, const at::Tensor &residual,
                                   const at::Tensor &labels, const at::Tensor &gates, int64_t gate,
                                   const at::Tensor &table, int64_t shift, int64_t scale,
                                   double epsilon) {
  const int64_t count = checked_label_count(x, labels);
  Rows rows = rows_of(x, labels);
  add_residual(rows, x, residual, gates, count, gate);
  at::Tensor out = add_norm(rows, x, table, count, shift, scale, epsilon);
  run(rows, x);
  return out;
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(dit, library) {
  library.def(
      "norm_modulate(Tensor x, Tensor labels, Tensor table, int shift, int scale, float epsilon)"
      " -> Tensor");
  library.def(
      "residual_norm_modulate_(Tensor(a!) x, Tensor residual, Tensor labels, Tensor gates, "
      "int gate, Tensor table, int shift, int scale, float epsilon) -> Tensor");
}

TORCH_LIBRARY_IMPL(dit, CPU, library) {
  library.impl("norm_modulate", norm_modulate);
  library.impl("residual_norm_modulate_", residual_norm_modulate_);
}

}  // namespace dit
