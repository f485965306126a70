// Group norms of images with channels last, as a factor and an offset for each channel. The
// operator that reads the image next applies them. Statistics are over the whole image.

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <torch/library.h>

#include <cmath>
#include <tuple>

#include "common/parallel.h"
#include "common/simd.h"
#include "convolution/images.h"

namespace dit {
namespace {

/// Parts of an image with sums of their own. The number is fixed, so that results do not depend on
/// the number of threads.
constexpr int64_t kParts = 64;

/// Adds sums and sums of squares of channels over pixels to `sums`, `[2, C]`, in double precision.
DIT_CLONES void sum_pixels(const float *x, double *sums, int64_t channels, int64_t width,
                           int64_t row_stride, int64_t begin, int64_t end) {
#pragma clang fp contract(fast)
  double *__restrict squares = sums + channels;
  for (int64_t pixel = begin; pixel < end; pixel++) {
    const float *__restrict values = x + pixel / width * row_stride + pixel % width * channels;
    for (int64_t c = 0; c < channels; c++) {
      const double value = values[c];
      sums[c] += value;
      squares[c] += value * value;
    }
  }
}

/// Factor and offset of each channel, [N, C]: norm(x) weight + bias = x factor + offset.
std::tuple<at::Tensor, at::Tensor> group_norm_factors(const at::Tensor &x, const at::Tensor &weight,
                                                      const at::Tensor &bias, int64_t groups,
                                                      double epsilon) {
  TORCH_CHECK(are_images(x) && groups > 0 && x.numel() > 0 && x.size(3) % groups == 0 &&
                  weight.numel() == x.size(3) && bias.numel() == x.size(3) &&
                  weight.scalar_type() == at::kFloat && bias.scalar_type() == at::kFloat &&
                  weight.is_contiguous() && bias.is_contiguous(),
              "x must be [N, H, W, C] float32 with C = ", weight.numel(), " in ", groups,
              " groups, not ", x.sizes());
  const int64_t images = x.size(0), channels = x.size(3), pixels = x.size(1) * x.size(2);
  at::Tensor sums = at::zeros({images, kParts, 2, channels}, x.options().dtype(at::kDouble));
  at::Tensor factors = at::empty({images, channels}, x.options());
  at::Tensor offsets = at::empty({images, channels}, x.options());
  const float *in = x.const_data_ptr<float>();
  double *parts = sums.data_ptr<double>();
  parallel_for(kParts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; part++) {
      for (int64_t image = 0; image < images; image++) {
        sum_pixels(in + image * x.stride(0), parts + (image * kParts + part) * 2 * channels,
                   channels, x.size(2), x.stride(1), pixels * part / kParts,
                   pixels * (part + 1) / kParts);
      }
    }
  });
  const int64_t width = channels / groups;
  const float *w = weight.const_data_ptr<float>(), *b = bias.const_data_ptr<float>();
  float *factor = factors.data_ptr<float>(), *offset = offsets.data_ptr<float>();
  for (int64_t image = 0; image < images; image++) {
    for (int64_t group = 0; group < groups; group++) {
      double sum = 0, squares = 0;
      for (int64_t part = 0; part < kParts; part++) {
        const double *from = parts + (image * kParts + part) * 2 * channels + group * width;
        for (int64_t c = 0; c < width; c++) {
          sum += from[c];
          squares += from[channels + c];
        }
      }
      const double count = static_cast<double>(pixels * width);
      const double mean = sum / count;
      const double variance = std::max(squares / count - mean * mean, 0.0);
      const double deviation = 1 / std::sqrt(variance + epsilon);
      for (int64_t c = group * width; c < (group + 1) * width; c++) {
        factor[image * channels + c] = static_cast<float>(w[c] * deviation);
        offset[image * channels + c] = static_cast<float>(b[c] - mean * deviation * w[c]);
      }
    }
  }
  return {factors, offsets};
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(dit, library) {
  library.def(
      "group_norm_factors(Tensor x, Tensor weight, Tensor bias, int groups, float epsilon) ->"
      " (Tensor, Tensor)");
}

TORCH_LIBRARY_IMPL(dit, CPU, library) { library.impl("group_norm_factors", group_norm_factors); }

}  // namespace dit
