#pragma once

// The steps of a 3x3 convolution by minimal filtering for a group of tiles, in vectors of 8 or 16
// numbers: transform the input, multiply, transform the products to results.

#include <algorithm>
#include <cstdint>

#include "common/activation.h"
#include "common/micro_kernel.h"
#include "convolution/winograd.h"

namespace dit {

// A run: tiles side by side whose input is prepared together, a few channels at a time, so that it
// stays in the cache.
constexpr int64_t kRun = 8;
constexpr int64_t kRunChannels = 64;
constexpr int64_t kRunSize =
    kWinogradSide * (kRun * kWinogradTile + kWinogradSide - kWinogradTile) * kRunChannels;

// Padding between the 36 products, so that they do not share one set of the cache.
constexpr int64_t kRoom = 16;

struct Convolution {
  const float *x;        // [N, rows, w, C]
  const float *scale;    // [N, C]; null: no norm, no SiLU
  const float *shift;    // [N, C]
  const float *packed;   // filters: [panels][C][9][kColumns]
  const float *filters;  // transformed: [panels][36][filter_stride]; null: not yet
  const float *bias;     // [panels kColumns]
  float *out;            // [N, H, W, O]
  int64_t height, width, input_count, output_count;
  int64_t rows, above;    // of x; those of them that stand above the results
  int64_t columns, left;  // of x; those of them that stand left of the results
  int64_t image_stride, row_stride, pixel_stride;  // of x, in numbers
  int64_t out_image_stride, out_row_stride, out_pixel_stride;
  int64_t doubling;  // 1: H = 2 h, W = 2 w
  bool accumulates;
  bool rectifies;

  /// From one product of a transformed filter, `[C][kColumns]`, to the next.
  int64_t filter_stride() const { return input_count * kColumns + kRoom; }
  /// From one product of the transformed input of tiles, `[tiles][C]`, to the next.
  int64_t input_stride(int64_t tiles) const { return tiles * input_count + kRoom; }

  int64_t tile_rows() const { return ceil_div(height, kWinogradTile); }
  int64_t tile_columns() const { return ceil_div(width, kWinogradTile); }
  int64_t panels() const { return ceil_div(output_count, kColumns); }
};

/// The sums in registers: rows, and two vectors of columns.
template <int lanes>
struct Sums {
  static constexpr int64_t rows = lanes == 8 ? kRows : 12;
  static constexpr int64_t grain = lanes == 8 ? rows : 4;  // of rows that there always are
  static constexpr int64_t panels = 2 * lanes / kColumns;

  /// From one product of some tiles, `[tiles][width]`, to the next.
  static int64_t stride(int64_t tiles, int64_t width) {
    return ceil_div(tiles, grain) * grain * width + kRoom;
  }
};

/// A run of at most kRun tiles in one row of tiles of an image.
struct Run {
  const float *rows[kWinogradSide];  // of x, where the input of the tiles lies; null outside
  const float *scale, *shift;        // of the image; or null
  int64_t left;                      // column of the first tile's input
  int64_t count;

  /// The pixels of a row of the input.
  int64_t width() const { return count * kWinogradTile + kWinogradSide - kWinogradTile; }
};

DIT_INLINE Run find_run(const Convolution &c, int64_t begin, int64_t end) {
  const int64_t column = begin % c.tile_columns();
  const int64_t image = begin / (c.tile_rows() * c.tile_columns());
  const int64_t top = begin / c.tile_columns() % c.tile_rows() * kWinogradTile - 1;
  Run run;
  for (int64_t i = 0; i < kWinogradSide; i++) {
    const int64_t row = ((top + i) >> c.doubling) + c.above;
    const bool inside = row >= 0 && row < c.rows;
    run.rows[i] = inside ? c.x + image * c.image_stride + row * c.row_stride : nullptr;
  }
  run.scale = c.scale == nullptr ? nullptr : c.scale + image * c.input_count;
  run.shift = c.scale == nullptr ? nullptr : c.shift + image * c.input_count;
  run.left = column * kWinogradTile - 1;
  run.count = std::min({end - begin, c.tile_columns() - column, kRun});
  return run;
}

/// The channels of a pixel from `at` on, normalized if there is a norm; zeros outside the image.
template <int lanes>
DIT_INLINE void prepare_pixel(const float *pixel, const float *scale, const float *shift,
                              int64_t at, int64_t channels, float *out) {
#pragma clang fp contract(fast)
  using Vector = typename Lanes<lanes>::Vector;
  using Unaligned = typename Lanes<lanes>::UnalignedVector;
  for (; at + lanes <= channels; at += lanes) {
    Vector value = 0;
    if (pixel != nullptr) value = *reinterpret_cast<const Unaligned *>(pixel + at);
    if (pixel != nullptr && scale != nullptr) {
      value = value * *reinterpret_cast<const Unaligned *>(scale + at) +
              *reinterpret_cast<const Unaligned *>(shift + at);
      Vector e = -value;
      apply_exponential<Vector, typename Lanes<lanes>::IntVector>(e);
      value /= 1.0f + e;
    }
    *reinterpret_cast<Unaligned *>(out + at) = value;
  }
  if constexpr (lanes > 8) prepare_pixel<8>(pixel, scale, shift, at, channels, out);
}

/// The input of a run, `[6][width][channels]`, from channel `first` on. Pixels shared by tiles are
/// computed once.
template <int lanes>
DIT_INLINE void prepare_run(const Convolution &c, const Run &run, int64_t first, int64_t channels,
                            float *out) {
  const float *scale = run.scale == nullptr ? nullptr : run.scale + first;
  const float *shift = run.scale == nullptr ? nullptr : run.shift + first;
  for (int64_t i = 0; i < kWinogradSide; i++) {
    for (int64_t x = run.left; x < run.left + run.width(); x++, out += channels) {
      const int64_t column = (x >> c.doubling) + c.left;
      const bool inside = run.rows[i] != nullptr && column >= 0 && column < c.columns;
      const int64_t start = column * c.pixel_stride + first;
      prepare_pixel<lanes>(inside ? run.rows[i] + start : nullptr, scale, shift, 0, channels, out);
    }
  }
}

/// Transforms the channels of a tile from `at` on. The input comes from `prepare_run`, with rows of
/// `row` numbers; the 36 products lie `stride` numbers apart.
template <int lanes>
DIT_INLINE void transform_tile(const float *in, int64_t row, int64_t at, int64_t channels,
                               float *out, int64_t stride) {
  using Vector = typename Lanes<lanes>::Vector;
  using Unaligned = typename Lanes<lanes>::UnalignedVector;
  for (; at + lanes <= channels; at += lanes) {
    Vector d[kWinogradSide][kWinogradSide];
    for (int64_t j = 0; j < kWinogradSide; j++) {
      Vector column[kWinogradSide];
      for (int64_t i = 0; i < kWinogradSide; i++) {
        column[i] = *reinterpret_cast<const Unaligned *>(in + i * row + j * channels + at);
      }
      transform_input(column);
      for (int64_t i = 0; i < kWinogradSide; i++) d[i][j] = column[i];
    }
    for (int64_t i = 0; i < kWinogradSide; i++) {
      transform_input(d[i]);
      for (int64_t j = 0; j < kWinogradSide; j++) {
        float *to = out + (i * kWinogradSide + j) * stride + at;
        *reinterpret_cast<Unaligned *>(to) = d[i][j];
      }
    }
  }
  if constexpr (lanes > 8) transform_tile<8>(in, row, at, channels, out, stride);
}

/// The transformed input of tiles, `[36][tiles][C]`, padded. `buffer` has room for a run.
template <int lanes>
DIT_INLINE void transform_tiles(const Convolution &c, int64_t begin, int64_t end, float *buffer,
                                float *v) {
  const int64_t stride = c.input_stride(end - begin);
  for (int64_t t = begin; t < end;) {
    const Run run = find_run(c, t, end);
    for (int64_t first = 0; first < c.input_count; first += kRunChannels) {
      const int64_t channels = std::min(kRunChannels, c.input_count - first);
      prepare_run<lanes>(c, run, first, channels, buffer);
      for (int64_t i = 0; i < run.count; i++) {
        transform_tile<lanes>(buffer + i * kWinogradTile * channels, run.width() * channels, 0,
                              channels, v + (t - begin + i) * c.input_count + first, stride);
      }
    }
    t += run.count;
  }
}

/// Products of at most `rows` tiles and `vectors` vectors of columns; the sums of two tiles lie
/// `width` numbers apart. Rows past the last tile read the memory that follows; their sums are not
/// used.
template <int lanes, int64_t rows, int64_t vectors>
DIT_INLINE void multiply_rows(const float *v, const float *filter, int64_t apart, int64_t depth,
                              int64_t tiles, float *out, int64_t width) {
  using Vector = typename Lanes<lanes>::Vector;
  using Unaligned = typename Lanes<lanes>::UnalignedVector;
  if constexpr (rows > Sums<lanes>::grain) {
    constexpr int64_t fewer = rows - Sums<lanes>::grain;
    if (tiles <= fewer) {
      multiply_rows<lanes, fewer, vectors>(v, filter, apart, depth, tiles, out, width);
      return;
    }
  }
  Vector products[rows][vectors] = {};
  multiply_tile(v, depth, 1, filter, apart, depth, products);
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t j = 0; j < vectors; j++) {
      *reinterpret_cast<Unaligned *>(out + i * width + j * lanes) = products[i][j];
    }
  }
}

/// Products over the channels for panels with the transformed filters
/// `[panels][36][filter_stride]`: `[36][tiles, padded][panels kColumns]`.
template <int lanes>
DIT_INLINE void multiply_panels(const Convolution &c, const float *v, int64_t tiles,
                                const float *filters, int64_t count, float *sums) {
  constexpr int64_t rows = Sums<lanes>::rows, panels = Sums<lanes>::panels;
  const int64_t width = count * kColumns, depth = c.input_count;
  const int64_t panel_stride = kWinogradProducts * c.filter_stride();
  const int64_t apart = panels == 1 ? lanes : panel_stride;
  for (int64_t e = 0; e < kWinogradProducts; e++) {
    for (int64_t panel = 0; panel < count; panel += panels) {
      const float *filter = filters + panel * panel_stride + e * c.filter_stride();
      for (int64_t t = 0; t < tiles; t += rows) {
        const float *a = v + e * c.input_stride(tiles) + t * depth;
        float *out = sums + e * Sums<lanes>::stride(tiles, width) + t * width + panel * kColumns;
        if (panel + panels <= count) {
          multiply_rows<lanes, rows, 2>(a, filter, apart, depth, tiles - t, out, width);
        } else {
          multiply_rows<lanes, rows, 1>(a, filter, apart, depth, tiles - t, out, width);
        }
      }
    }
  }
}

/// Writes a vector of channels of a pixel, cut at the last channel.
template <int lanes>
DIT_INLINE void store_pixel(const Convolution &c, float *pixel, int64_t channel,
                            typename Lanes<lanes>::Vector &value) {
  float *out = pixel + channel;
  if (channel + lanes <= c.output_count) {
    auto *all = reinterpret_cast<typename Lanes<lanes>::UnalignedVector *>(out);
    *all = c.accumulates ? value + *all : value;
    return;
  }
  for (int64_t i = 0; i < c.output_count - channel; i++) {
    out[i] = c.accumulates ? value[i] + out[i] : value[i];
  }
}

/// Writes the results of tiles for panels.
template <int lanes>
DIT_INLINE void finish_tiles(const Convolution &c, int64_t begin, int64_t end, int64_t first,
                             int64_t count, const float *sums) {
  using Vector = typename Lanes<lanes>::Vector;
  using Unaligned = typename Lanes<lanes>::UnalignedVector;
  const int64_t width = count * kColumns;
  const int64_t stride = Sums<lanes>::stride(end - begin, width);
  for (int64_t t = begin; t < end; t++) {
    const int64_t image = t / (c.tile_rows() * c.tile_columns());
    const int64_t y = t / c.tile_columns() % c.tile_rows() * kWinogradTile;
    const int64_t x = t % c.tile_columns() * kWinogradTile;
    for (int64_t lane = 0; lane < width; lane += lanes) {
      const int64_t channel = first * kColumns + lane;
      if (channel >= c.output_count) break;
      Vector half[kWinogradTile][kWinogradSide];
      for (int64_t j = 0; j < kWinogradSide; j++) {
        Vector column[kWinogradSide], results[kWinogradTile];
        for (int64_t i = 0; i < kWinogradSide; i++) {
          const float *from = sums + (i * kWinogradSide + j) * stride;
          column[i] = *reinterpret_cast<const Unaligned *>(from + (t - begin) * width + lane);
        }
        transform_output(column, results);
        for (int64_t i = 0; i < kWinogradTile; i++) half[i][j] = results[i];
      }
      const Vector bias = *reinterpret_cast<const Unaligned *>(c.bias + channel), zero = 0.0f;
      for (int64_t i = 0; i < kWinogradTile && y + i < c.height; i++) {
        Vector results[kWinogradTile];
        transform_output(half[i], results);
        float *row = c.out + image * c.out_image_stride + (y + i) * c.out_row_stride;
        for (int64_t j = 0; j < kWinogradTile && x + j < c.width; j++) {
          Vector value = results[j] + bias;
          if (c.rectifies) value = value < zero ? zero : value;  // keeps NaN
          store_pixel<lanes>(c, row + (x + j) * c.out_pixel_stride, channel, value);
        }
      }
    }
  }
}

/// Transforms the filters of panels, `[panels][C][9][kColumns]`.
template <int lanes>
DIT_INLINE void transform_panels(const Convolution &c, int64_t first, int64_t count, float *out) {
  using Vector = typename Lanes<lanes>::Vector;
  using Unaligned = typename Lanes<lanes>::UnalignedVector;
  const int64_t stride = c.filter_stride();
  for (int64_t panel = 0; panel < count; panel++, out += kWinogradProducts * stride) {
    const float *packed = c.packed + (first + panel) * c.input_count * 9 * kColumns;
    for (int64_t at = 0; at < c.input_count * kColumns; at += lanes) {
      const float *from = packed + at / kColumns * 9 * kColumns + at % kColumns;
      Vector half[kWinogradSide][3];
      for (int64_t j = 0; j < 3; j++) {
        Vector column[3], results[kWinogradSide];
        for (int64_t i = 0; i < 3; i++) {
          column[i] = *reinterpret_cast<const Unaligned *>(from + (i * 3 + j) * kColumns);
        }
        transform_filter(column, results);
        for (int64_t i = 0; i < kWinogradSide; i++) half[i][j] = results[i];
      }
      for (int64_t i = 0; i < kWinogradSide; i++) {
        Vector results[kWinogradSide];
        transform_filter(half[i], results);
        for (int64_t j = 0; j < kWinogradSide; j++) {
          *reinterpret_cast<Vector *>(out + (i * kWinogradSide + j) * stride + at) = results[j];
        }
      }
    }
  }
}

}  // namespace dit
