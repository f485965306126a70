// Adaptive layer norm (adaLN; Peebles & Xie 2023, section 3.2), or the same with RMSNorm, for
// inference, optionally with the gated residual before it. Each row is read and written once, in
// the format of the next product.

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <torch/library.h>

#include <tuple>

#include "common/parallel.h"
#include "common/quantization.h"
#include "common/simd.h"
#include "norm/bfloat16.h"
#include "norm/modulated.h"

namespace dit {
namespace {

/// The branch added to the tokens: numbers, or sums of 8-bit products with their scales.
struct Residual {
  const void *values;    // [N T, D] or null
  at::ScalarType type;   // of the values
  const float *rows;     // [N T], scales of sums; null for numbers
  const float *columns;  // [D], with rows
  const float *bias;     // [D], with rows
  const float *gates;    // [L, ...]: the gate of each label
  int64_t gate_stride;   // from one label's gate to the next
};

struct Rows {
  float *x;  // [N T, D], updated if there is a residual
  Residual residual;
  void *out;              // [N T, D]
  at::ScalarType type;    // of out
  float *out_scales;      // [N T], for bytes
  const float *shifts;    // [L, ...]
  const float *scales;    // [L, ...]
  const int64_t *labels;  // [N]: row of the table
  int64_t stride;         // from one label's shift or scale to the next
  int64_t tokens;         // T
  int64_t width;          // D
  float epsilon;
};

template <typename Number>
DIT_INLINE void add_gated(float *__restrict x, const Number *__restrict y,
                          const float *__restrict gate, int64_t width) {
#pragma clang fp contract(fast)
  for (int64_t i = 0; i < width; i++) x[i] += gate[i] * number(y[i]);
}

DIT_INLINE void add_gated_sums(float *__restrict x, const float *__restrict sums, float scale,
                               const float *__restrict columns, const float *__restrict bias,
                               const float *__restrict gate, int64_t width) {
#pragma clang fp contract(fast)
  for (int64_t i = 0; i < width; i++) {
    x[i] += gate[i] * (sums[i] * (scale * columns[i]) + bias[i]);
  }
}

template <typename Number>
DIT_INLINE void write(Number *__restrict out, const Modulated &value, int64_t width) {
  for (int64_t i = 0; i < width; i++) store(out[i], value(i));
}

DIT_INLINE void add_residual_row(const Rows &rows, int64_t row, int64_t label) {
  const int64_t width = rows.width, start = row * width;
  const Residual &residual = rows.residual;
  const float *gate = residual.gates + label * residual.gate_stride;
  float *x = rows.x + start;
  if (residual.rows != nullptr) {
    add_gated_sums(x, static_cast<const float *>(residual.values) + start, residual.rows[row],
                   residual.columns, residual.bias, gate, width);
  } else if (residual.type == at::kBFloat16) {
    add_gated(x, static_cast<const BFloat16 *>(residual.values) + start, gate, width);
  } else {
    add_gated(x, static_cast<const float *>(residual.values) + start, gate, width);
  }
}

template <bool kIsRMS>
DIT_INLINE void normalize_row(const Rows &rows, int64_t row, int64_t label) {
  const int64_t width = rows.width, start = row * width;
  const float *x = rows.x + start;
  const float *scale = rows.scales + label * rows.stride;
  const float *shift = rows.shifts + label * rows.stride;
  const Modulated value = kIsRMS ? rms_modulated(x, scale, shift, width, rows.epsilon)
                                 : modulated(x, scale, shift, width, rows.epsilon);
  if (rows.type == at::kByte) {
    rows.out_scales[row] =
        quantize_row(static_cast<uint8_t *>(rows.out) + start, kZeroPoint, width, value);
  } else if (rows.type == at::kBFloat16) {
    write(static_cast<BFloat16 *>(rows.out) + start, value, width);
  } else {
    write(static_cast<float *>(rows.out) + start, value, width);
  }
}

template <bool kIsRMS>
DIT_INLINE void process_rows(const Rows &rows, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; row++) {
    const int64_t label = rows.labels[row / rows.tokens];
    if (rows.residual.values != nullptr) add_residual_row(rows, row, label);
    normalize_row<kIsRMS>(rows, row, label);
  }
}

DIT_CLONES void process(const Rows &rows, int64_t begin, int64_t end) {
  process_rows<false>(rows, begin, end);
}

DIT_CLONES void process_rms(const Rows &rows, int64_t begin, int64_t end) {
  process_rows<true>(rows, begin, end);
}

/// The vectors of width D at an offset `place` in the rows of a table `[L, S]`.
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

const float *checked_scales(const at::Tensor &scales, int64_t count) {
  TORCH_CHECK(
      scales.is_contiguous() && scales.scalar_type() == at::kFloat && scales.numel() == count,
      "scales or bias ", scales.sizes(), " where ", count, " are needed");
  return scales.const_data_ptr<float>();
}

bool is_number(at::ScalarType type) { return type == at::kFloat || type == at::kBFloat16; }

Residual residual_of(const at::Tensor &x, const at::Tensor &values,
                     const std::optional<at::Tensor> &rows,
                     const std::optional<at::Tensor> &columns,
                     const std::optional<at::Tensor> &bias) {
  TORCH_CHECK(values.sizes() == x.sizes() && is_number(values.scalar_type()),
              "the residual must be float32 or bfloat16 of shape ", x.sizes(), ", not ",
              values.sizes());
  Residual residual{};
  residual.values = values.const_data_ptr();
  residual.type = values.scalar_type();
  if (rows.has_value()) {
    TORCH_CHECK(columns.has_value() && bias.has_value() && residual.type == at::kFloat,
                "sums are float32, with scales of rows and columns, and a bias");
    residual.rows = checked_scales(*rows, x.size(0) * x.size(1));
    residual.columns = checked_scales(*columns, x.size(2));
    residual.bias = checked_scales(*bias, x.size(2));
  }
  return residual;
}

/// Normalizes all rows. The second result holds the scales of bytes; otherwise it is empty.
template <bool kIsRMS>
std::tuple<at::Tensor, at::Tensor> run(Rows &rows, const at::Tensor &x, const at::Tensor &table,
                                       int64_t label_count, int64_t shift, int64_t scale,
                                       double epsilon, at::ScalarType type) {
  TORCH_CHECK(is_number(type) || type == at::kByte, "rows cannot be ", type);
  const int64_t count = x.size(0) * x.size(1);
  at::Tensor out = at::empty(x.sizes(), x.options().dtype(type));
  at::Tensor scales = at::empty({type == at::kByte ? count : 0}, x.options());
  rows.out = out.data_ptr();
  rows.type = type;
  rows.out_scales = scales.data_ptr<float>();
  rows.shifts = vectors(x, table, label_count, shift);
  rows.scales = vectors(x, table, label_count, scale);
  rows.stride = table.size(1);
  rows.epsilon = static_cast<float>(epsilon);
  parallel_for(count, 8, [&](int64_t begin, int64_t end) {
    if (kIsRMS) {
      process_rms(rows, begin, end);
    } else {
      process(rows, begin, end);
    }
  });
  return {out, scales};
}

template <bool kIsRMS>
std::tuple<at::Tensor, at::Tensor> norm_modulate(const at::Tensor &x, const at::Tensor &labels,
                                                 const at::Tensor &table, int64_t shift,
                                                 int64_t scale, double epsilon,
                                                 at::ScalarType type) {
  const int64_t count = checked_label_count(x, labels);
  const at::Tensor source = x.contiguous();
  Rows rows = rows_of(source, labels);
  return run<kIsRMS>(rows, source, table, count, shift, scale, epsilon, type);
}

template <bool kIsRMS>
std::tuple<at::Tensor, at::Tensor> residual_norm_modulate_(
    at::Tensor &x, const at::Tensor &residual, const std::optional<at::Tensor> &row_scales,
    const std::optional<at::Tensor> &column_scales, const std::optional<at::Tensor> &bias,
    const at::Tensor &labels, const at::Tensor &gates, int64_t gate, const at::Tensor &table,
    int64_t shift, int64_t scale, double epsilon, at::ScalarType type) {
  const int64_t count = checked_label_count(x, labels);
  Rows rows = rows_of(x, labels);
  const at::Tensor values = residual.contiguous();
  rows.residual = residual_of(x, values, row_scales, column_scales, bias);
  rows.residual.gates = vectors(x, gates, count, gate);
  rows.residual.gate_stride = gates.size(1);
  return run<kIsRMS>(rows, x, table, count, shift, scale, epsilon, type);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(dit, library) {
  library.def(
      "norm_modulate(Tensor x, Tensor labels, Tensor table, int shift, int scale, float epsilon, "
      "ScalarType dtype) -> (Tensor, Tensor)");
  library.def(
      "rms_modulate(Tensor x, Tensor labels, Tensor table, int shift, int scale, float epsilon, "
      "ScalarType dtype) -> (Tensor, Tensor)");
  library.def(
      "residual_rms_modulate_(Tensor(a!) x, Tensor residual, Tensor? row_scales, "
      "Tensor? column_scales, Tensor? bias, Tensor labels, Tensor gates, int gate, Tensor table, "
      "int shift, int scale, float epsilon, ScalarType dtype) -> (Tensor, Tensor)");
  library.def(
      "residual_norm_modulate_(Tensor(a!) x, Tensor residual, Tensor? row_scales, "
      "Tensor? column_scales, Tensor? bias, Tensor labels, Tensor gates, int gate, Tensor table, "
      "int shift, int scale, float epsilon, ScalarType dtype) -> (Tensor, Tensor)");
}

TORCH_LIBRARY_IMPL(dit, CPU, library) {
  library.impl("norm_modulate", norm_modulate<false>);
  library.impl("residual_norm_modulate_", residual_norm_modulate_<false>);
  library.impl("rms_modulate", norm_modulate<true>);
  library.impl("residual_rms_modulate_", residual_norm_modulate_<true>);
}

}  // namespace dit
