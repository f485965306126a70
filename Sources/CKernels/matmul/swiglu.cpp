// The gated values of an MLP, silu(gate) value (Shazeer 2020, equation 6), in one pass while the
// row is in the cache, in the format of the next product. Gates and values come side by side, as
// numbers or as sums of an 8-bit product.

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <torch/library.h>

#include <cstring>
#include <tuple>
#include <vector>

#include "common/activation.h"
#include "common/parallel.h"
#include "common/quantization.h"
#include "common/simd.h"
#include "norm/bfloat16.h"

namespace dit {
namespace {

typedef float Vector __attribute__((ext_vector_type(16)));
typedef int32_t IntVector __attribute__((ext_vector_type(16)));
constexpr int64_t kLanes = 16;

struct Gated {
  const void *values;    // [M, 2 N]: gates, values
  at::ScalarType type;   // of the values
  const float *rows;     // [M], scales of sums; null for numbers
  const float *columns;  // [2 N], with rows
  const float *bias;     // [2 N], with rows
  void *out;             // [M, N]
  at::ScalarType out_type;
  float *out_scales;  // [M], for bytes
  int64_t width;      // N
};

DIT_INLINE void load(Vector &to, const float *from, int64_t count) {
  std::memcpy(&to, from, static_cast<size_t>(count) * sizeof(float));
}

DIT_INLINE void multiply(const float *gates, const float *values, float *out, int64_t count) {
  Vector gate = 0.0f, value = 0.0f;
  load(gate, gates, count);
  load(value, values, count);
  Vector e = -gate;
  apply_exponential<Vector, IntVector>(e);
  value *= gate / (1.0f + e);
  std::memcpy(out, &value, static_cast<size_t>(count) * sizeof(float));
}

/// silu(gate) value; `out` may be `gates`.
DIT_INLINE void multiply_row(const float *gates, const float *values, float *out, int64_t width) {
  int64_t i = 0;
  for (; i + kLanes <= width; i += kLanes) multiply(gates + i, values + i, out + i, kLanes);
  if (i < width) multiply(gates + i, values + i, out + i, width - i);
}

/// The numbers of a row, `[2 N]`; float32 numbers are where they are.
DIT_INLINE const float *numbers_of_row(const Gated &gated, int64_t row, float *buffer) {
#pragma clang fp contract(fast)
  const int64_t width = 2 * gated.width, start = row * width;
  if (gated.type == at::kBFloat16) {
    const auto *values = static_cast<const BFloat16 *>(gated.values) + start;
    for (int64_t i = 0; i < width; i++) buffer[i] = number(values[i]);
    return buffer;
  }
  const float *values = static_cast<const float *>(gated.values) + start;
  if (gated.rows == nullptr) return values;
  const float scale = gated.rows[row];
  for (int64_t i = 0; i < width; i++) {
    buffer[i] = values[i] * (scale * gated.columns[i]) + gated.bias[i];
  }
  return buffer;
}

/// `buffer` has room for 3 N numbers.
DIT_CLONES void gate_rows(const Gated &gated, float *buffer, int64_t begin, int64_t end) {
  const int64_t width = gated.width;
  for (int64_t row = begin; row < end; row++) {
    const float *numbers = numbers_of_row(gated, row, buffer);
    float *out = gated.out_type == at::kFloat ? static_cast<float *>(gated.out) + row * width
                                              : buffer + 2 * width;
    multiply_row(numbers, numbers + width, out, width);
    if (gated.out_type == at::kByte) {
      gated.out_scales[row] = quantize_row(static_cast<uint8_t *>(gated.out) + row * width,
                                           kZeroPoint, width, Elements{out});
    } else if (gated.out_type == at::kBFloat16) {
      auto *rounded = static_cast<BFloat16 *>(gated.out) + row * width;
      for (int64_t i = 0; i < width; i++) store(rounded[i], out[i]);
    }
  }
}

bool is_number(at::ScalarType type) { return type == at::kFloat || type == at::kBFloat16; }

const float *checked(const at::Tensor &vector, int64_t count) {
  TORCH_CHECK(
      vector.is_contiguous() && vector.scalar_type() == at::kFloat && vector.numel() == count,
      "scales or bias ", vector.sizes(), " where ", count, " are needed");
  return vector.const_data_ptr<float>();
}

/// The second result holds the scales of bytes; otherwise it is empty.
std::tuple<at::Tensor, at::Tensor> swiglu(const at::Tensor &values,
                                          const std::optional<at::Tensor> &rows,
                                          const std::optional<at::Tensor> &columns,
                                          const std::optional<at::Tensor> &bias,
                                          at::ScalarType type) {
  TORCH_CHECK(values.dim() >= 1 && values.size(-1) > 0 && values.size(-1) % 2 == 0 &&
                  is_number(values.scalar_type()),
              "gates and values must be [..., 2 N] float32 or bfloat16, not ", values.sizes());
  TORCH_CHECK(is_number(type) || type == at::kByte, "rows cannot be ", type);
  const at::Tensor source = values.contiguous();
  const int64_t width = values.size(-1) / 2, count = source.numel() / (2 * width);
  auto sizes = source.sizes().vec();
  sizes.back() = width;
  const auto options = source.options().dtype(at::kFloat);
  at::Tensor out = at::empty(sizes, options.dtype(type));
  at::Tensor scales = at::empty({type == at::kByte ? count : 0}, options);
  Gated gated{};
  gated.values = source.const_data_ptr();
  gated.type = source.scalar_type();
  if (rows.has_value()) {
    TORCH_CHECK(columns.has_value() && bias.has_value() && gated.type == at::kFloat,
                "sums are float32, with scales of rows and columns, and a bias");
    gated.rows = checked(*rows, count);
    gated.columns = checked(*columns, 2 * width);
    gated.bias = checked(*bias, 2 * width);
  }
  gated.out = out.data_ptr();
  gated.out_type = type;
  gated.out_scales = scales.data_ptr<float>();
  gated.width = width;
  parallel_for(count, 8, [&](int64_t begin, int64_t end) {
    std::vector<float> buffer(static_cast<size_t>(3 * width));
    gate_rows(gated, buffer.data(), begin, end);
  });
  return {out, scales};
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(dit, library) {
  library.def(
      "swiglu(Tensor values, Tensor? rows, Tensor? columns, Tensor? bias, ScalarType dtype) -> "
      "(Tensor, Tensor)");
}

TORCH_LIBRARY_IMPL(dit, CPU, library) { library.impl("swiglu", swiglu); }

}  // namespace dit
