// 3x3 convolutions of images with channels last, float32, in a quarter of the products of the plain
// sum, with what stands around them in an autoencoder: before, the scale and shift of a group norm,
// SiLU and doubling of the resolution, while the input is read; after, bias and a sum with what is
// there already. Scratch memory is bounded for images of any size.

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <torch/library.h>

#include "activation.h"
#include "images.h"
#include "micro_kernel.h"
#include "parallel.h"
#include "winograd.h"

namespace dit {
namespace {

constexpr int64_t kLanes = 8;
// A thread's tiles, a multiple of kRows: its transformed input, at most...
constexpr int64_t kGroupBytes = 2 << 20;
// ...and at least so many, as the filters are read once for each group.
constexpr int64_t kLeastTiles = 36;
constexpr int64_t kMostTiles = 96;
// Panels of results that are transformed together: their sums stay in L2.
constexpr int64_t kPanelBlock = 2;

struct Convolution {
  const float *x;       // [N, rows, w, C]
  const float *scale;   // [N, C]; null: no norm, no SiLU
  const float *shift;   // [N, C]
  const float *filter;  // [panels][36][filter_stride]: [C][kColumns] and room
  const float *bias;    // [panels kColumns]
  float *out;           // [N, H, W, O]
  int64_t height, width, input_count, output_count;
  int64_t rows, above;               // of x; those of them that stand above the results
  int64_t image_stride, row_stride;  // of x, in numbers
  int64_t out_image_stride, out_row_stride;
  int64_t doubling;  // 1: H = 2 h, W = 2 w
  bool accumulates;

  /// The room keeps the products of a filter from falling into one set of the cache.
  static int64_t filter_stride(int64_t input_count) { return (input_count + 1) * kColumns; }

  int64_t tile_rows() const { return ceil_div(height, kWinogradTile); }
  int64_t tile_columns() const { return ceil_div(width, kWinogradTile); }
  int64_t panels() const { return ceil_div(output_count, kColumns); }
};

/// Where the pixels of a tile's input begin; null outside of the image.
using TilePixels = const float *[kWinogradSide][kWinogradSide];

DIT_INLINE void find_pixels(const Convolution &c, int64_t tile, TilePixels &pixels) {
  const int64_t image = tile / (c.tile_rows() * c.tile_columns());
  const int64_t top = tile / c.tile_columns() % c.tile_rows() * kWinogradTile - 1;
  const int64_t left = tile % c.tile_columns() * kWinogradTile - 1;
  for (int64_t i = 0; i < kWinogradSide; i++) {
    for (int64_t j = 0; j < kWinogradSide; j++) {
      const int64_t row = ((top + i) >> c.doubling) + c.above, x = left + j;
      const bool inside = row >= 0 && row < c.rows && x >= 0 && x < c.width;
      const int64_t start = image * c.image_stride + row * c.row_stride;
      pixels[i][j] = inside ? c.x + start + (x >> c.doubling) * c.input_count : nullptr;
    }
  }
}

/// Some channels of a pixel, normalized if there is a norm; zero outside of the image.
DIT_INLINE void load_pixel(const float *pixel, const float *scale, const float *shift,
                           int64_t channel, Vector &value) {
#pragma clang fp contract(fast)
  if (pixel == nullptr) {
    value = 0;
    return;
  }
  value = *reinterpret_cast<const UnalignedVector *>(pixel + channel);
  if (scale == nullptr) return;
  value = value * *reinterpret_cast<const UnalignedVector *>(scale + channel) +
          *reinterpret_cast<const UnalignedVector *>(shift + channel);
  Vector e = -value;
  apply_exponential<Vector, IntVector>(e);
  value /= 1.0f + e;
}

/// The input of some tiles, transformed: `[36][tiles][C]`.
DIT_INLINE void transform_tiles(const Convolution &c, int64_t begin, int64_t end, float *v) {
  const int64_t tiles = end - begin;
  for (int64_t t = begin; t < end; t++) {
    TilePixels pixels;
    find_pixels(c, t, pixels);
    const int64_t image = t / (c.tile_rows() * c.tile_columns());
    const float *scale = c.scale == nullptr ? nullptr : c.scale + image * c.input_count;
    const float *shift = c.scale == nullptr ? nullptr : c.shift + image * c.input_count;
    for (int64_t channel = 0; channel < c.input_count; channel += kLanes) {
      Vector d[kWinogradSide][kWinogradSide];
      for (int64_t j = 0; j < kWinogradSide; j++) {
        Vector column[kWinogradSide];
        for (int64_t i = 0; i < kWinogradSide; i++) {
          load_pixel(pixels[i][j], scale, shift, channel, column[i]);
        }
        transform_input(column);
        for (int64_t i = 0; i < kWinogradSide; i++) d[i][j] = column[i];
      }
      float *out = v + (t - begin) * c.input_count + channel;
      for (int64_t i = 0; i < kWinogradSide; i++) {
        transform_input(d[i]);
        for (int64_t j = 0; j < kWinogradSide; j++) {
          *reinterpret_cast<UnalignedVector *>(out + (i * kWinogradSide + j) * tiles *
                                                         c.input_count) = d[i][j];
        }
      }
    }
  }
}

/// Products over the channels for some panels: `[36][tiles, up to whole rows][panels kColumns]`.
DIT_INLINE void multiply_panels(const Convolution &c, const float *v, int64_t tiles, int64_t first,
                                int64_t count, float *sums) {
  const int64_t width = count * kColumns;
  const int64_t rows = ceil_div(tiles, kRows) * kRows;
  for (int64_t e = 0; e < kWinogradProducts; e++) {
    for (int64_t panel = 0; panel < count; panel++) {
      const float *b = c.filter + ((first + panel) * kWinogradProducts + e) *
                                      Convolution::filter_stride(c.input_count);
      for (int64_t t = 0; t < tiles; t += kRows) {
        Vector products[kRows][2] = {};
        // Rows past the last tile read what follows; their sums are not used.
        multiply_tile(v + (e * tiles + t) * c.input_count, c.input_count, 1, b, 8, c.input_count,
                      products);
        float *out = sums + (e * rows + t) * width + panel * kColumns;
        for (int64_t i = 0; i < kRows; i++) {
          *reinterpret_cast<UnalignedVector *>(out + i * width) = products[i][0];
          *reinterpret_cast<UnalignedVector *>(out + i * width + 8) = products[i][1];
        }
      }
    }
  }
}

/// Writes kLanes channels of a pixel, or fewer at the end of the channels.
DIT_INLINE void store_pixel(const Convolution &c, float *pixel, int64_t channel, Vector &value) {
  float *out = pixel + channel;
  if (channel + kLanes <= c.output_count) {
    auto *all = reinterpret_cast<UnalignedVector *>(out);
    *all = c.accumulates ? value + *all : value;
    return;
  }
  for (int64_t i = 0; i < c.output_count - channel; i++) {
    out[i] = c.accumulates ? value[i] + out[i] : value[i];
  }
}

/// The results of some tiles for some panels.
DIT_INLINE void finish_tiles(const Convolution &c, int64_t begin, int64_t end, int64_t first,
                             int64_t count, const float *sums) {
  const int64_t width = count * kColumns;
  const int64_t rows = ceil_div(end - begin, kRows) * kRows;
  for (int64_t t = begin; t < end; t++) {
    const int64_t image = t / (c.tile_rows() * c.tile_columns());
    const int64_t y = t / c.tile_columns() % c.tile_rows() * kWinogradTile;
    const int64_t x = t % c.tile_columns() * kWinogradTile;
    for (int64_t lane = 0; lane < width; lane += kLanes) {
      const int64_t channel = first * kColumns + lane;
      if (channel >= c.output_count) break;
      Vector half[kWinogradTile][kWinogradSide];
      for (int64_t j = 0; j < kWinogradSide; j++) {
        Vector column[kWinogradSide], results[kWinogradTile];
        for (int64_t i = 0; i < kWinogradSide; i++) {
          column[i] = *reinterpret_cast<const UnalignedVector *>(
              sums + ((i * kWinogradSide + j) * rows + t - begin) * width + lane);
        }
        transform_output(column, results);
        for (int64_t i = 0; i < kWinogradTile; i++) half[i][j] = results[i];
      }
      const Vector bias = *reinterpret_cast<const UnalignedVector *>(c.bias + channel);
      for (int64_t i = 0; i < kWinogradTile && y + i < c.height; i++) {
        Vector results[kWinogradTile];
        transform_output(half[i], results);
        float *row = c.out + image * c.out_image_stride + (y + i) * c.out_row_stride;
        for (int64_t j = 0; j < kWinogradTile && x + j < c.width; j++) {
          Vector value = results[j] + bias;
          store_pixel(c, row + (x + j) * c.output_count, channel, value);
        }
      }
    }
  }
}

/// One group of tiles, from input to results.
DIT_CLONES void convolve_tiles(const Convolution &c, int64_t begin, int64_t end, float *scratch,
                               float *sums) {
  transform_tiles(c, begin, end, scratch);
  for (int64_t panel = 0; panel < c.panels(); panel += kPanelBlock) {
    const int64_t count = std::min(kPanelBlock, c.panels() - panel);
    multiply_panels(c, scratch, end - begin, panel, count, sums);
    finish_tiles(c, begin, end, panel, count, sums);
  }
}

/// Some rows of filters `[panels C][9][kColumns]`, transformed.
DIT_CLONES void transform_filters(const float *packed, float *out, int64_t input_count,
                                  int64_t begin, int64_t end) {
  const int64_t stride = Convolution::filter_stride(input_count);
  for (int64_t row = begin; row < end; row++) {
    alignas(64) float products[kWinogradProducts][kColumns];
    for (int64_t lane = 0; lane < kColumns; lane += kLanes) {
      Vector half[kWinogradSide][3];
      for (int64_t j = 0; j < 3; j++) {
        Vector column[3], results[kWinogradSide];
        for (int64_t i = 0; i < 3; i++) {
          column[i] = *reinterpret_cast<const UnalignedVector *>(
              packed + (row * 9 + i * 3 + j) * kColumns + lane);
        }
        transform_filter(column, results);
        for (int64_t i = 0; i < kWinogradSide; i++) half[i][j] = results[i];
      }
      for (int64_t i = 0; i < kWinogradSide; i++) {
        Vector results[kWinogradSide];
        transform_filter(half[i], results);
        for (int64_t j = 0; j < kWinogradSide; j++) {
          *reinterpret_cast<Vector *>(&products[i * kWinogradSide + j][lane]) = results[j];
        }
      }
    }
    const int64_t panel = row / input_count, channel = row % input_count;
    float *to = out + panel * kWinogradProducts * stride + channel * kColumns;
    for (int64_t e = 0; e < kWinogradProducts; e++) {
      for (int64_t i = 0; i < kColumns; i++) to[e * stride + i] = products[e][i];
    }
  }
}

/// `[O, C, 3, 3]` to `[panels, C, 9, kColumns]`: as many numbers as before.
at::Tensor pack_convolution_weight(const at::Tensor &weight) {
  TORCH_CHECK(weight.dim() == 4 && weight.scalar_type() == at::kFloat && weight.size(2) == 3 &&
                  weight.size(3) == 3 && weight.size(1) % kLanes == 0 && weight.numel() > 0,
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
           const std::optional<at::Tensor> &shift, bool doubles, int64_t beside) {
  TORCH_CHECK(packed.dim() == 4 && packed.size(2) == 9 && packed.size(3) == kColumns &&
                  packed.is_contiguous() && packed.scalar_type() == at::kFloat && packed.is_cpu(),
              "a weight must come from pack_convolution_weight");
  const int64_t factor = doubles ? 2 : 1;
  TORCH_CHECK(
      are_images(x) && are_images(out) && x.size(3) == packed.size(1) && out.size(0) == x.size(0) &&
          out.size(1) == factor * (x.size(1) - beside) && out.size(2) == factor * x.size(2) &&
          ceil_div(out.size(3), kColumns) == packed.size(0),
      "x ", x.sizes(), " and result ", out.sizes(), " against a weight of ", packed.sizes());
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

/// Writes the convolution of x, `[N, h, w, C]`, into out, `[N, H, W, O]`, or adds it there. The
/// first `above` and the last `below` rows of x are only neighbors of the others.
void convolution_3x3(const at::Tensor &out, const at::Tensor &x, const at::Tensor &packed,
                     const std::optional<at::Tensor> &bias, const std::optional<at::Tensor> &scale,
                     const std::optional<at::Tensor> &shift, bool doubles, bool accumulates,
                     int64_t above, int64_t below) {
  TORCH_CHECK(above >= 0 && above <= 1 && below >= 0 && below <= 1,
              "one row above and below at most");
  check(out, x, packed, bias, scale, shift, doubles, above + below);
  const int64_t panels = packed.size(0), k = packed.size(1), n = out.size(3);
  at::Tensor filter =
      at::empty({panels, kWinogradProducts, Convolution::filter_stride(k)}, x.options());
  at::Tensor offsets = at::zeros({panels * kColumns}, x.options());
  if (bias.has_value()) offsets.narrow(0, 0, n).copy_(*bias);
  const float *source = packed.const_data_ptr<float>();
  float *transformed = filter.data_ptr<float>();
  parallel_for(panels * k, 16, [&](int64_t begin, int64_t end) {
    transform_filters(source, transformed, k, begin, end);
  });
  const Convolution c{x.const_data_ptr<float>(),
                      scale ? scale->const_data_ptr<float>() : nullptr,
                      shift ? shift->const_data_ptr<float>() : nullptr,
                      transformed,
                      offsets.const_data_ptr<float>(),
                      out.data_ptr<float>(),
                      out.size(1),
                      out.size(2),
                      k,
                      n,
                      x.size(1),
                      above,
                      x.stride(0),
                      x.stride(1),
                      out.stride(0),
                      out.stride(1),
                      doubles ? 1 : 0,
                      accumulates};
  const int64_t tiles = out.size(0) * c.tile_rows() * c.tile_columns();
  const int64_t threads = at::get_num_threads();
  const int64_t fitting = kGroupBytes / (kWinogradProducts * k * 4) / kRows * kRows;
  const int64_t share = ceil_div(ceil_div(tiles, threads), kRows) * kRows;
  const int64_t step = std::min(share, std::clamp(fitting, kLeastTiles, kMostTiles));
  // For each thread, with kRows more tiles that products may read past the end.
  const int64_t input_size = (kWinogradProducts * step + kRows) * k;
  const int64_t sums_size = kWinogradProducts * step * kPanelBlock * kColumns;
  at::Tensor scratch = at::empty({threads, input_size + sums_size}, x.options());
  float *start = scratch.data_ptr<float>();
  parallel_for(threads, 1, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; part++) {
      float *mine = start + part * (input_size + sums_size);
      const int64_t last = tiles * (part + 1) / threads;
      for (int64_t t = tiles * part / threads; t < last; t += step) {
        convolve_tiles(c, t, std::min(t + step, last), mine, mine + input_size);
      }
    }
  });
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(dit, library) {
  library.def("pack_convolution_weight(Tensor weight) -> Tensor");
  library.def(
      "convolution_3x3_(Tensor(a!) out, Tensor x, Tensor packed, Tensor? bias, Tensor? scale,"
      " Tensor? shift, bool doubles, bool accumulates, int above, int below) -> ()");
}

TORCH_LIBRARY_IMPL(dit, CPU, library) {
  library.impl("pack_convolution_weight", pack_convolution_weight);
  library.impl("convolution_3x3_", convolution_3x3);
}

}  // namespace dit
