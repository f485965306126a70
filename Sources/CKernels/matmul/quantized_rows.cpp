// Before and after 8-bit products: rows are quantized with a scale each; sums are rescaled, with
// bias and GELU, in one pass while the row is in the cache.

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <torch/library.h>

#include <cstring>
#include <tuple>

#include "common/activation.h"
#include "common/parallel.h"
#include "common/quantization.h"
#include "common/simd.h"

namespace dit {
namespace {

typedef float Vector __attribute__((ext_vector_type(16)));
typedef int32_t IntVector __attribute__((ext_vector_type(16)));
constexpr int64_t kLanes = 16;

DIT_CLONES void quantize_rows_range(const float *x, uint8_t *out, float *scales, int64_t width,
                                    int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; row++) {
    scales[row] = quantize_row(out + row * width, kZeroPoint, width, Elements{x + row * width});
  }
}

DIT_CLONES void quantize_weight_range(const float *x, int8_t *out, float *scales, int64_t width,
                                      int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; row++) {
    scales[row] = quantize_row(out + row * width, 0, width, Elements{x + row * width});
  }
}

/// Sums of an 8-bit product, with their scales and bias.
struct Sums {
  float *values;         // [M, N], updated
  const float *rows;     // [M]
  const float *columns;  // [N]
  const float *bias;     // [N]
  int64_t width;         // N
};

DIT_INLINE void rescale_row(const Sums &sums, int64_t row) {
#pragma clang fp contract(fast)
  float *__restrict values = sums.values + row * sums.width;
  const float scale = sums.rows[row];
  for (int64_t i = 0; i < sums.width; i++) {
    values[i] = values[i] * (scale * sums.columns[i]) + sums.bias[i];
  }
}

/// The last vector may be incomplete and goes through a buffer.
DIT_INLINE void gelu_row(float *values, int64_t width) {
  for (int64_t i = 0; i < width; i += kLanes) {
    Vector value = 0.0f;
    if (i + kLanes <= width) {
      std::memcpy(&value, values + i, sizeof value);
      apply_gelu_tanh<Vector, IntVector>(value);
      std::memcpy(values + i, &value, sizeof value);
    } else {
      std::memcpy(&value, values + i, static_cast<size_t>(width - i) * sizeof(float));
      apply_gelu_tanh<Vector, IntVector>(value);
      std::memcpy(values + i, &value, static_cast<size_t>(width - i) * sizeof(float));
    }
  }
}

DIT_CLONES void rescale_range(const Sums &sums, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; row++) rescale_row(sums, row);
}

DIT_CLONES void rescale_gelu_quantize_range(const Sums &sums, uint8_t *out, float *scales,
                                            int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; row++) {
    float *values = sums.values + row * sums.width;
    rescale_row(sums, row);
    gelu_row(values, sums.width);
    scales[row] = quantize_row(out + row * sums.width, kZeroPoint, sums.width, Elements{values});
  }
}

std::tuple<at::Tensor, at::Tensor> quantize_rows(const at::Tensor &x) {
  TORCH_CHECK(x.dim() >= 1 && x.size(-1) > 0 && x.scalar_type() == at::kFloat,
              "rows must be [..., K] float32, not ", x.sizes());
  const at::Tensor source = x.contiguous();
  const int64_t width = x.size(-1), count = source.numel() / width;
  at::Tensor out = at::empty(source.sizes(), source.options().dtype(at::kByte));
  at::Tensor scales = at::empty({count}, source.options());
  const float *from = source.const_data_ptr<float>();
  auto *to = out.data_ptr<uint8_t>();
  auto *steps = scales.data_ptr<float>();
  parallel_for(count, 8, [&](int64_t begin, int64_t end) {
    quantize_rows_range(from, to, steps, width, begin, end);
  });
  return {out, scales};
}

std::tuple<at::Tensor, at::Tensor> quantize_weight(const at::Tensor &weight) {
  TORCH_CHECK(weight.dim() == 2 && weight.scalar_type() == at::kFloat && weight.size(1) > 0,
              "a weight must be [out, in] float32, not ", weight.sizes());
  const at::Tensor source = weight.contiguous();
  const int64_t width = source.size(1), count = source.size(0);
  at::Tensor out = at::empty(source.sizes(), source.options().dtype(at::kChar));
  at::Tensor scales = at::empty({count}, source.options());
  const float *from = source.const_data_ptr<float>();
  auto *to = out.data_ptr<int8_t>();
  auto *steps = scales.data_ptr<float>();
  parallel_for(count, 8, [&](int64_t begin, int64_t end) {
    quantize_weight_range(from, to, steps, width, begin, end);
  });
  for (int64_t row = 0; row < count; row++) {
    TORCH_CHECK(!std::isnan(steps[row]), "the weight holds infinities or NaN, in row ", row);
  }
  return {out, scales};
}

Sums checked_sums(const at::Tensor &sums, const at::Tensor &rows, const at::Tensor &columns,
                  const at::Tensor &bias) {
  TORCH_CHECK(sums.dim() >= 1 && sums.is_contiguous() && sums.scalar_type() == at::kFloat,
              "sums must be contiguous [..., N] float32, not ", sums.sizes());
  const int64_t width = sums.size(-1);
  TORCH_CHECK(rows.is_contiguous() && rows.scalar_type() == at::kFloat &&
                  rows.numel() * width == sums.numel(),
              "scales of rows ", rows.sizes(), " for sums ", sums.sizes());
  for (const at::Tensor &vector : {columns, bias}) {
    TORCH_CHECK(
        vector.is_contiguous() && vector.scalar_type() == at::kFloat && vector.numel() == width,
        "scales or bias ", vector.sizes(), " for sums ", sums.sizes());
  }
  return {.values = const_cast<float *>(sums.const_data_ptr<float>()),
          .rows = rows.const_data_ptr<float>(),
          .columns = columns.const_data_ptr<float>(),
          .bias = bias.const_data_ptr<float>(),
          .width = width};
}

at::Tensor rescale_(at::Tensor &sums, const at::Tensor &rows, const at::Tensor &columns,
                    const at::Tensor &bias) {
  const Sums checked = checked_sums(sums, rows, columns, bias);
  parallel_for(rows.numel(), 8,
               [&](int64_t begin, int64_t end) { rescale_range(checked, begin, end); });
  return sums;
}

std::tuple<at::Tensor, at::Tensor> rescale_gelu_quantize_(at::Tensor &sums, const at::Tensor &rows,
                                                          const at::Tensor &columns,
                                                          const at::Tensor &bias) {
  const Sums checked = checked_sums(sums, rows, columns, bias);
  at::Tensor out = at::empty(sums.sizes(), sums.options().dtype(at::kByte));
  at::Tensor scales = at::empty(rows.sizes(), sums.options());
  auto *to = out.data_ptr<uint8_t>();
  auto *steps = scales.data_ptr<float>();
  parallel_for(rows.numel(), 8, [&](int64_t begin, int64_t end) {
    rescale_gelu_quantize_range(checked, to, steps, begin, end);
  });
  return {out, scales};
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(dit, library) {
  library.def("quantize_rows(Tensor x) -> (Tensor, Tensor)");
  library.def("quantize_weight(Tensor weight) -> (Tensor, Tensor)");
  library.def("quantize_rows_e4m3(Tensor x, bool gelu) -> (Tensor, Tensor)");  // CUDA only
  library.def("rescale_(Tensor(a!) sums, Tensor rows, Tensor columns, Tensor bias) -> Tensor(a!)");
  library.def(
      "rescale_gelu_quantize_(Tensor(a!) sums, Tensor rows, Tensor columns, Tensor bias)"
      " -> (Tensor, Tensor)");
}

TORCH_LIBRARY_IMPL(dit, CPU, library) {
  library.impl("quantize_rows", quantize_rows);
  library.impl("quantize_weight", quantize_weight);
  library.impl("rescale_", rescale_);
  library.impl("rescale_gelu_quantize_", rescale_gelu_quantize_);
}

}  // namespace dit
