// AdamW (Loshchilov & Hutter 2019, algorithm 2) for all parameters of a model, and the moving
// average of the weights, in one pass: each number is read and written once.

#include <ATen/core/Tensor.h>
#include <ATen/ops/scalar_tensor.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include "common/parallel.h"
#include "common/simd.h"

namespace dit {
namespace {

struct Step {
  float first_share;      // 1 - beta1
  float second_decay;     // beta2
  float second_share;     // 1 - beta2
  float rate;             // learning rate over the first moment's bias correction
  float root_correction;  // 1 over the root of the second moment's bias correction
  float epsilon;
  float gradient_scale;
  float ema_share;  // 1 - decay of the average
};

struct Span {
  float *parameter;
  const float *gradient;
  float *first;
  float *second;
  float *ema;  // or null
  float keep;  // 1 - learning rate x weight decay
  int64_t count;
};

DIT_INLINE void update_moments(const Step &step, const Span &span, int64_t count) {
  float *__restrict parameter = span.parameter;
  const float *__restrict gradient = span.gradient;
  float *__restrict first = span.first;
  float *__restrict second = span.second;
  const float keep = span.keep;
  for (int64_t i = 0; i < count; i++) {
    const float g = gradient[i] * step.gradient_scale;
    const float m = first[i] + step.first_share * (g - first[i]);
    const float v = second[i] * step.second_decay + step.second_share * g * g;
    first[i] = m;
    second[i] = v;
    // Unlike std::sqrt the builtin sets no errno, so that the loop is vectorized.
    const float denominator = __builtin_elementwise_sqrt(v) * step.root_correction + step.epsilon;
    parameter[i] = parameter[i] * keep - step.rate * (m / denominator);
  }
}

DIT_INLINE void update_ema(float *__restrict ema, const float *__restrict parameter, float share,
                           int64_t count) {
  for (int64_t i = 0; i < count; i++) ema[i] += share * (parameter[i] - ema[i]);
}

/// Numbers of a piece that stays in L1 between the two loops.
constexpr int64_t kBlock = 2048;

DIT_CLONES void update(const Step &step, const Span &span) {
#pragma clang fp contract(fast)
  for (int64_t begin = 0; begin < span.count; begin += kBlock) {
    const int64_t count = std::min(kBlock, span.count - begin);
    Span part = span;
    part.parameter += begin;
    part.gradient += begin;
    part.first += begin;
    part.second += begin;
    update_moments(step, part, count);
    if (span.ema != nullptr) {
      update_ema(span.ema + begin, part.parameter, step.ema_share, count);
    }
  }
}

float *data(const at::Tensor &tensor, const at::Tensor &like) {
  TORCH_CHECK(tensor.sizes() == like.sizes() && tensor.is_contiguous() &&
                  tensor.scalar_type() == at::kFloat,
              "every tensor must be contiguous float32 of its parameter's shape ", like.sizes(),
              ", not ", tensor.sizes());
  return static_cast<float *>(tensor.data_ptr());
}

void adamw_(at::TensorList parameters, at::TensorList gradients, at::TensorList firsts,
            at::TensorList seconds, at::TensorList ema, at::ArrayRef<double> weight_decays,
            double learning_rate, double beta1, double beta2, double epsilon, int64_t step_number,
            double gradient_scale, double ema_weight) {
  const size_t count = parameters.size();
  TORCH_CHECK(gradients.size() == count && firsts.size() == count && seconds.size() == count &&
                  weight_decays.size() == count && (ema.empty() || ema.size() == count),
              "lists of different lengths");
  const double number = static_cast<double>(step_number);
  const Step step{.first_share = static_cast<float>(1 - beta1),
                  .second_decay = static_cast<float>(beta2),
                  .second_share = static_cast<float>(1 - beta2),
                  .rate = static_cast<float>(learning_rate / (1 - std::pow(beta1, number))),
                  .root_correction = static_cast<float>(1 / std::sqrt(1 - std::pow(beta2, number))),
                  .epsilon = static_cast<float>(epsilon),
                  .gradient_scale = static_cast<float>(gradient_scale),
                  .ema_share = static_cast<float>(ema_weight)};
  // The most elements of a piece, small enough for threads to share the work evenly.
  constexpr int64_t kPiece = 1 << 16;
  std::vector<Span> spans;
  for (size_t i = 0; i < count; i++) {
    const at::Tensor &parameter = parameters[i];
    Span span{
        .parameter = data(parameter, parameter),
        .gradient = data(gradients[i], parameter),
        .first = data(firsts[i], parameter),
        .second = data(seconds[i], parameter),
        .ema = ema.empty() ? nullptr : data(ema[i], parameter),
        .keep = static_cast<float>(1 - learning_rate * weight_decays[i]),
        .count = 0,
    };
    for (int64_t begin = 0; begin < parameter.numel(); begin += kPiece) {
      span.count = std::min(kPiece, parameter.numel() - begin);
      spans.push_back(span);
      span.parameter += kPiece;
      span.gradient += kPiece;
      span.first += kPiece;
      span.second += kPiece;
      if (span.ema != nullptr) span.ema += kPiece;
    }
  }
  parallel_pieces(static_cast<int64_t>(spans.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) update(step, spans[static_cast<size_t>(i)]);
  });
}

/// The sum of squares, by partial sums that fill vectors.
DIT_CLONES double sum_of_squares(const float *x, int64_t count) {
#pragma clang fp contract(fast)
  constexpr int64_t kStrands = 32;
  float sums[kStrands] = {};
  int64_t i = 0;
  for (; i + kStrands <= count; i += kStrands) {
    for (int64_t j = 0; j < kStrands; j++) sums[j] += x[i + j] * x[i + j];
  }
  double total = 0;
  for (; i < count; i++) total += static_cast<double>(x[i]) * x[i];
  for (const float sum : sums) total += sum;
  return total;
}

at::Tensor total_norm(at::TensorList tensors) {
  // Short enough for float32 sums.
  constexpr int64_t kPiece = 1 << 14;
  std::vector<std::pair<const float *, int64_t>> pieces;
  for (const at::Tensor &tensor : tensors) {
    const float *start = data(tensor, tensor);
    for (int64_t begin = 0; begin < tensor.numel(); begin += kPiece) {
      pieces.emplace_back(start + begin, std::min(kPiece, tensor.numel() - begin));
    }
  }
  std::vector<double> sums(pieces.size());
  parallel_pieces(static_cast<int64_t>(pieces.size()), 8, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const auto at = static_cast<size_t>(i);
      sums[at] = sum_of_squares(pieces[at].first, pieces[at].second);
    }
  });
  const double total = std::accumulate(sums.begin(), sums.end(), 0.0);
  return at::scalar_tensor(std::sqrt(total), at::TensorOptions(at::kDouble));
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(dit, library) {
  library.def("total_norm(Tensor[] tensors) -> Tensor");
  library.def(
      "adamw_(Tensor(a!)[] parameters, Tensor[] gradients, Tensor(b!)[] firsts, "
      "Tensor(c!)[] seconds, Tensor(d!)[] ema, float[] weight_decays, float learning_rate, "
      "float beta1, float beta2, float epsilon, int step, float gradient_scale, "
      "float ema_weight) -> ()");
}

TORCH_LIBRARY_IMPL(dit, CPU, library) {
  library.impl("adamw_", adamw_);
  library.impl("total_norm", total_norm);
}

}  // namespace dit
