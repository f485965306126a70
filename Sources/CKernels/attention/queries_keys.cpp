// Before attention: queries and keys are normalized over each head (QK-norm; Henry et al. 2020) and
// turned by their positions (RoPE; Su et al. 2021, equation 34), in place, in float32.

#include <ATen/core/Tensor.h>
#include <torch/library.h>

#include <cmath>
#include <vector>

#include "common/parallel.h"
#include "common/simd.h"
#include "norm/bfloat16.h"
#include "norm/modulated.h"

namespace dit {
namespace {

enum Norm : int64_t { kNone = 0, kLayer = 1, kRMS = 2 };

struct Heads {
  void *qkv;                // [N T, 3, H, d]
  at::ScalarType type;      // of qkv
  const float *cosines;     // [T, d / 2] or null
  const float *sines;       // with cosines
  const float *weights[2];  // of queries and keys, [d], with a norm
  const float *biases[2];   // [d] or null
  Norm norm;
  float epsilon;
  int64_t tokens;  // T
  int64_t count;   // H
  int64_t width;   // d
};

DIT_INLINE void normalize(float *x, const float *weight, const float *bias, const Heads &heads) {
#pragma clang fp contract(fast)
  const int64_t width = heads.width;
  const float share = 1 / static_cast<float>(width);
  const float mean = heads.norm == kLayer ? sum_of(x, width) * share : 0;
  const float deviation = 1 / std::sqrt(sum_of_squares(x, mean, width) * share + heads.epsilon);
  for (int64_t i = 0; i < width; i++) x[i] = (x[i] - mean) * deviation * weight[i];
  if (bias != nullptr) {
    for (int64_t i = 0; i < width; i++) x[i] += bias[i];
  }
}

DIT_INLINE void rotate(float *__restrict x, const float *__restrict cosines,
                       const float *__restrict sines, int64_t pairs) {
#pragma clang fp contract(fast)
  for (int64_t i = 0; i < pairs; i++) {
    const float a = x[2 * i], b = x[2 * i + 1];
    x[2 * i] = a * cosines[i] - b * sines[i];
    x[2 * i + 1] = b * cosines[i] + a * sines[i];
  }
}

DIT_INLINE void prepare_head(float *x, int64_t place, int64_t token, const Heads &heads) {
  if (heads.norm != kNone) normalize(x, heads.weights[place], heads.biases[place], heads);
  if (heads.cosines == nullptr) return;
  const int64_t pairs = heads.width / 2;
  rotate(x, heads.cosines + token * pairs, heads.sines + token * pairs, pairs);
}

/// `buffer` has room for a head.
DIT_CLONES void prepare_rows(const Heads &heads, float *buffer, int64_t begin, int64_t end) {
  const int64_t width = heads.width, part = heads.count * width;
  for (int64_t row = begin; row < end; row++) {
    for (int64_t head = 0; head < 2 * heads.count; head++) {
      const int64_t start = row * 3 * part + head * width, place = head / heads.count;
      const int64_t token = row % heads.tokens;
      if (heads.type == at::kFloat) {
        prepare_head(static_cast<float *>(heads.qkv) + start, place, token, heads);
        continue;
      }
      auto *numbers = static_cast<BFloat16 *>(heads.qkv) + start;
      for (int64_t i = 0; i < width; i++) buffer[i] = number(numbers[i]);
      prepare_head(buffer, place, token, heads);
      for (int64_t i = 0; i < width; i++) store(numbers[i], buffer[i]);
    }
  }
}

const float *checked(const std::optional<at::Tensor> &values, int64_t count) {
  if (!values.has_value()) return nullptr;
  TORCH_CHECK(
      values->is_contiguous() && values->scalar_type() == at::kFloat && values->numel() == count,
      "a table or weight ", values->sizes(), " where ", count, " float32 numbers are needed");
  return values->const_data_ptr<float>();
}

at::Tensor prepare_queries_keys_(at::Tensor &qkv, int64_t head_count,
                                 const std::optional<at::Tensor> &cosines,
                                 const std::optional<at::Tensor> &sines, int64_t norm,
                                 const std::optional<at::Tensor> &query_weight,
                                 const std::optional<at::Tensor> &query_bias,
                                 const std::optional<at::Tensor> &key_weight,
                                 const std::optional<at::Tensor> &key_bias, double epsilon) {
  TORCH_CHECK(qkv.dim() == 3 && head_count > 0 && qkv.size(2) % (3 * head_count) == 0 &&
                  qkv.is_contiguous() &&
                  (qkv.scalar_type() == at::kFloat || qkv.scalar_type() == at::kBFloat16),
              head_count, " heads in contiguous [N, T, 3 D] float32 or bfloat16 of ", qkv.sizes());
  Heads heads{};
  heads.qkv = qkv.data_ptr();
  heads.type = qkv.scalar_type();
  heads.tokens = qkv.size(1);
  heads.count = head_count;
  heads.width = qkv.size(2) / (3 * head_count);
  TORCH_CHECK(
      cosines.has_value() == sines.has_value() && (!cosines.has_value() || heads.width % 2 == 0),
      "cosines and sines for heads of ", heads.width);
  heads.cosines = checked(cosines, heads.tokens * heads.width / 2);
  heads.sines = checked(sines, heads.tokens * heads.width / 2);
  TORCH_CHECK(norm >= kNone && norm <= kRMS &&
                  (norm == kNone || (query_weight.has_value() && key_weight.has_value())),
              "norm ", norm);
  heads.norm = static_cast<Norm>(norm);
  heads.weights[0] = checked(query_weight, heads.width);
  heads.weights[1] = checked(key_weight, heads.width);
  heads.biases[0] = checked(query_bias, heads.width);
  heads.biases[1] = checked(key_bias, heads.width);
  heads.epsilon = static_cast<float>(epsilon);
  parallel_for(qkv.size(0) * heads.tokens, 8, [&](int64_t begin, int64_t end) {
    std::vector<float> buffer(static_cast<size_t>(heads.width));
    prepare_rows(heads, buffer.data(), begin, end);
  });
  return qkv;
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(dit, library) {
  library.def(
      "prepare_queries_keys_(Tensor(a!) qkv, int head_count, Tensor? cosines, Tensor? sines, "
      "int norm, Tensor? query_weight, Tensor? query_bias, Tensor? key_weight, Tensor? key_bias, "
      "float epsilon) -> Tensor(a!)");
}

TORCH_LIBRARY_IMPL(dit, CPU, library) {
  library.impl("prepare_queries_keys_", prepare_queries_keys_);
}

}  // namespace dit
