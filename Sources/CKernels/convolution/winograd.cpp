// 3x3 convolutions of images with channels last, float32, with a quarter of the multiplications of
// the plain sum. Fused with the operators around them in an autoencoder: group norm, SiLU and
// doubling of the resolution as the input is read, bias, residual and ReLU as the output is
// written. Scratch memory is bounded for images of any size.

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <torch/library.h>

#include "ckernels/processor.h"
#include "common/parallel.h"
#include "convolution/images.h"
#include "convolution/winograd_tiles.h"

namespace dit {
namespace {

constexpr int64_t kGroup = 96;      // tiles that a thread computes together
constexpr int64_t kPanelBlock = 2;  // panels of results that it transforms together
// A thread transforms the filters again for each group of tiles, a few panels at a time, which then
// are in its cache. All filters are transformed ahead, once, if a thread has many groups or few
// tiles.
constexpr int64_t kManyGroups = 2;
constexpr int64_t kFewTiles = 24;

/// Memory of a thread.
struct Scratch {
  float *run, *input, *filters, *sums;
};

/// Convolves a group of tiles.
template <int lanes>
DIT_INLINE void convolve_tiles(const Convolution &c, int64_t begin, int64_t end,
                               const Scratch &scratch) {
  transform_tiles<lanes>(c, begin, end, scratch.run, scratch.input);
  for (int64_t panel = 0; panel < c.panels(); panel += kPanelBlock) {
    const int64_t count = std::min(kPanelBlock, c.panels() - panel);
    const float *filters = scratch.filters;
    if (c.filters == nullptr) {
      transform_panels<lanes>(c, panel, count, scratch.filters);
    } else {
      filters = c.filters + panel * kWinogradProducts * c.filter_stride();
    }
    multiply_panels<lanes>(c, scratch.input, end - begin, filters, count, scratch.sums);
    finish_tiles<lanes>(c, begin, end, panel, count, scratch.sums);
  }
}

DIT_CLONES void convolve(const Convolution &c, int64_t begin, int64_t end, const Scratch &scratch) {
  convolve_tiles<8>(c, begin, end, scratch);
}

DIT_WIDE void convolve_wide(const Convolution &c, int64_t begin, int64_t end,
                            const Scratch &scratch) {
  convolve_tiles<16>(c, begin, end, scratch);
}

DIT_CLONES void transform(const Convolution &c, int64_t begin, int64_t end, float *out) {
  transform_panels<8>(c, begin, end - begin, out);
}

DIT_WIDE void transform_wide(const Convolution &c, int64_t begin, int64_t end, float *out) {
  transform_panels<16>(c, begin, end - begin, out);
}

/// `[O, C, 3, 3]` to `[panels, C, 9, kColumns]`, not transformed yet.
at::Tensor pack_convolution_weight(const at::Tensor &weight) {
  TORCH_CHECK(weight.dim() == 4 && weight.scalar_type() == at::kFloat && weight.size(2) == 3 &&
                  weight.size(3) == 3 && weight.size(1) % 8 == 0 && weight.numel() > 0,
              "a weight must be [out, in, 3, 3] float32 with in a multiple of 8, not ",
              weight.sizes());
  const at::Tensor source = weight.contiguous();
  const int64_t n = source.size(0), k = source.size(1);
  const int64_t panels = ceil_div(n, kColumns);
  at::Tensor packed = at::empty({panels, k, 9, kColumns}, source.options());
  const float *in = source.const_data_ptr<float>();
  float *out = packed.data_ptr<float>();
  parallel_for(panels, 1, [&](int64_t begin, int64_t end) {
    for (int64_t panel = begin; panel < end; panel++) {
      for (int64_t j = 0; j < kColumns; j++) {
        const int64_t row = panel * kColumns + j;
        for (int64_t i = 0; i < 9 * k; i++) {
          out[(panel * k * 9 + i) * kColumns + j] = row < n ? in[row * k * 9 + i] : 0;
        }
      }
    }
  });
  return packed;
}

void check(const at::Tensor &out, const at::Tensor &x, const at::Tensor &packed,
           const std::optional<at::Tensor> &bias, const std::optional<at::Tensor> &scale,
           const std::optional<at::Tensor> &shift, bool doubles, int64_t beside, int64_t sides) {
  TORCH_CHECK(packed.dim() == 4 && packed.size(2) == 9 && packed.size(3) == kColumns &&
                  packed.is_contiguous() && packed.scalar_type() == at::kFloat && packed.is_cpu(),
              "a weight must come from pack_convolution_weight");
  const int64_t factor = doubles ? 2 : 1;
  TORCH_CHECK(have_pixels(x) && have_pixels(out) && x.size(3) == packed.size(1) &&
                  out.size(0) == x.size(0) && out.size(1) == factor * (x.size(1) - beside) &&
                  out.size(2) == factor * (x.size(2) - sides) &&
                  ceil_div(out.size(3), kColumns) == packed.size(0),
              "x ", x.sizes(), " and result ", out.sizes(), " against a weight of ",
              packed.sizes());
  TORCH_CHECK(!may_overlap(out, x), "the result must not be written over x");
  TORCH_CHECK(!bias || (bias->dim() == 1 && bias->size(0) == out.size(3) &&
                        bias->scalar_type() == at::kFloat),
              "a bias must be [", out.size(3), "], float32");
  for (const auto &factors : {scale, shift}) {
    TORCH_CHECK(
        factors.has_value() == scale.has_value() &&
            (!factors || (factors->is_contiguous() && factors->scalar_type() == at::kFloat &&
                          factors->numel() == x.size(0) * x.size(3))),
        "scale and shift must both be [N, C], float32");
  }
}

/// Writes the convolution of x, `[N, h, w, C]`, to out, `[N, H, W, O]`, or adds it, or applies
/// ReLU. The first `above` and the last `below` rows of x are only neighbors of the others, and so
/// are the first and the last column if `sides` is 1.
void convolution_3x3(const at::Tensor &out, const at::Tensor &x, const at::Tensor &packed,
                     const std::optional<at::Tensor> &bias, const std::optional<at::Tensor> &scale,
                     const std::optional<at::Tensor> &shift, bool doubles, bool accumulates,
                     bool rectifies, int64_t above, int64_t below, int64_t sides, int64_t lanes) {
  TORCH_CHECK(above >= 0 && above <= 1 && below >= 0 && below <= 1 && sides >= 0 && sides <= 1,
              "one row above and below and one column on each side at most");
  TORCH_CHECK(lanes == 8 || (lanes == 16 && ckernels_has_avx512()),
              "vectors have 8 numbers, or 16 where the processor has AVX-512, not ", lanes);
  check(out, x, packed, bias, scale, shift, doubles, above + below, 2 * sides);
  const int64_t panels = packed.size(0), k = packed.size(1), n = out.size(3);
  at::Tensor offsets = at::zeros({panels * kColumns}, x.options());
  if (bias.has_value()) offsets.narrow(0, 0, n).copy_(*bias);
  Convolution c{.x = x.const_data_ptr<float>(),
                .scale = scale ? scale->const_data_ptr<float>() : nullptr,
                .shift = shift ? shift->const_data_ptr<float>() : nullptr,
                .packed = packed.const_data_ptr<float>(),
                .filters = nullptr,
                .bias = offsets.const_data_ptr<float>(),
                .out = out.data_ptr<float>(),
                .height = out.size(1),
                .width = out.size(2),
                .input_count = k,
                .output_count = n,
                .rows = x.size(1),
                .above = above,
                .columns = x.size(2),
                .left = sides,
                .image_stride = x.stride(0),
                .row_stride = x.stride(1),
                .pixel_stride = x.stride(2),
                .out_image_stride = out.stride(0),
                .out_row_stride = out.stride(1),
                .out_pixel_stride = out.stride(2),
                .doubling = doubles ? 1 : 0,
                .accumulates = accumulates,
                .rectifies = rectifies};
  const int64_t tiles = out.size(0) * c.tile_rows() * c.tile_columns();
  const int64_t threads = at::get_num_threads();
  const int64_t rows = lanes == 8 ? Sums<8>::rows : Sums<16>::rows;
  const int64_t share = ceil_div(ceil_div(tiles, threads), rows) * rows;
  const int64_t step = std::min(share, kGroup);
  const int64_t filter_size = kWinogradProducts * c.filter_stride();
  at::Tensor filters;
  if (share < kFewTiles || share > kManyGroups * step) {
    filters = at::empty({panels, filter_size}, x.options());
    float *transformed = filters.data_ptr<float>();
    parallel_for(panels, 1, [&](int64_t begin, int64_t end) {
      (lanes == 8 ? transform : transform_wide)(c, begin, end, transformed + begin * filter_size);
    });
    c.filters = transformed;
  }
  const int64_t filters_size = filters.defined() ? 0 : kPanelBlock * filter_size;
  const int64_t sums_size = kWinogradProducts * (step * kPanelBlock * kColumns + kRoom);
  // Products may read some rows past the end.
  const int64_t input_size = kWinogradProducts * c.input_stride(step) + rows * k;
  const int64_t size = filters_size + sums_size + kRunSize + ceil_div(input_size, kRoom) * kRoom;
  at::Tensor memory = at::empty({threads, size}, x.options());
  float *start = memory.data_ptr<float>();
  parallel_for(threads, 1, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; part++) {
      Scratch scratch;
      scratch.filters = start + part * size;
      scratch.sums = scratch.filters + filters_size;
      scratch.run = scratch.sums + sums_size;
      scratch.input = scratch.run + kRunSize;
      const int64_t last = tiles * (part + 1) / threads;
      for (int64_t t = tiles * part / threads; t < last; t += step) {
        (lanes == 8 ? convolve : convolve_wide)(c, t, std::min(t + step, last), scratch);
      }
    }
  });
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(dit, library) {
  library.def("pack_convolution_weight(Tensor weight) -> Tensor");
  library.def(
      "convolution_3x3_(Tensor(a!) out, Tensor x, Tensor packed, Tensor? bias, Tensor? scale,"
      " Tensor? shift, bool doubles, bool accumulates, bool rectifies, int above, int below,"
      " int sides, int lanes) -> ()");
}

TORCH_LIBRARY_IMPL(dit, CPU, library) {
  library.impl("pack_convolution_weight", pack_convolution_weight);
  library.impl("convolution_3x3_", convolution_3x3);
}

}  // namespace dit
