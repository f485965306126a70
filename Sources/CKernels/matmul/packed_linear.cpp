// Linear layers with prepacked float32 weights, for processors on which oneDNN does not reach the
// peak of the matrix product. Blocking after Goto & van de Geijn 2008 ("Anatomy of
// high-performance matrix multiplication"): panels of B stay in L1, blocks of A in L2.

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <torch/library.h>

#include "common/parallel.h"
#include "matmul/product.h"

namespace dit {
namespace {

constexpr int64_t kDepthBlock = 384;  // of K: a panel of B is 24 KB
constexpr int64_t kRowBlock = 256;    // rows of A: a block is 390 KB
constexpr int64_t kPiece = 64;        // columns of B that a thread takes at least

/// C = A B + bias, or its GELU.
struct PackedProduct {
  const float *a;     // [tiles][K][rows of a tile]
  const float *b;     // [panels][K][kColumns]
  float *c;           // [M, N]
  const float *bias;  // [panels kColumns]
  int64_t m, n, k;
  bool gelu;
};

/// Multiplies a block of A's tiles by columns of B of a tile's width, over one block of K.
template <typename Shape>
DIT_INLINE void multiply_columns(const PackedProduct &p, int64_t begin, int64_t tile_begin,
                                 int64_t tile_end, int64_t k, int64_t depth, bool has_more) {
  const float *b = p.b + begin * p.k + k * kColumns;
  const char *ahead = reinterpret_cast<const char *>(b + p.k * Shape::columns);
  const int64_t lines = has_more ? ceil_div(depth, tile_end - tile_begin) : 0;
  const int64_t columns = std::min(Shape::columns, p.n - begin);
  const int64_t row = tile_begin * Shape::rows;
  const Tile first{.a = p.a + row * p.k + k * Shape::rows,
                   .b = b,
                   .apart = Shape::panels == 1 ? Shape::lanes : p.k * kColumns,
                   .depth = depth,
                   .c = p.c + row * p.n + begin,
                   .stride = p.n,
                   .first = k == 0,
                   .last = k + depth == p.k,
                   .bias = p.bias + begin,
                   .finish = p.gelu ? Finish::gelu : Finish::plain,
                   .other = nullptr,
                   .ahead = ahead,
                   .ahead_lines = lines};
  compute_tiles<Shape>(first, tile_end - tile_begin, Shape::rows * p.k, p.m - row, columns);
}

/// Columns `begin` ..< `end`, counted in widths of a tile.
template <typename Shape>
DIT_INLINE void multiply_part(const PackedProduct &p, int64_t begin, int64_t end) {
  const int64_t tiles = ceil_div(p.m, Shape::rows);
  const int64_t tile_step = ceil_div(tiles, ceil_div(tiles, kRowBlock / Shape::rows));
  const int64_t depth_step = ceil_div(p.k, ceil_div(p.k, kDepthBlock));
  for (int64_t t = 0; t < tiles; t += tile_step) {
    const int64_t tile_end = std::min(t + tile_step, tiles);
    for (int64_t k = 0; k < p.k; k += depth_step) {
      const int64_t depth = std::min(depth_step, p.k - k);
      for (int64_t i = begin; i < end; i++) {
        multiply_columns<Shape>(p, i * Shape::columns, t, tile_end, k, depth, i + 1 < end);
      }
    }
  }
}

DIT_CLONES void multiply_narrow(const PackedProduct &p, int64_t begin, int64_t end) {
  multiply_part<NarrowTile>(p, begin, end);
}

DIT_WIDE void multiply_wide(const PackedProduct &p, int64_t begin, int64_t end) {
  multiply_part<WideTile>(p, begin, end);
}

/// The number of panels of B, rounded up to whole tiles.
int64_t panel_count(int64_t outputs) {
  const int64_t columns = tile_size().columns;
  return ceil_div(outputs, columns) * columns / kColumns;
}

at::Tensor pack_linear_weight(const at::Tensor &weight) {
  TORCH_CHECK(weight.dim() == 2 && weight.scalar_type() == at::kFloat && weight.size(1) > 0,
              "a weight must be [out, in] float32, not ", weight.sizes());
  const at::Tensor source = weight.contiguous();
  const int64_t n = source.size(0), k = source.size(1);
  const int64_t panels = panel_count(n);
  at::Tensor packed = at::empty({panels, k, kColumns}, source.options());
  const float *in = source.const_data_ptr<float>();
  float *out = packed.data_ptr<float>();
  parallel_for(panels, 1, [&](int64_t begin, int64_t end) {
    for (int64_t panel = begin; panel < end; panel++) {
      float *to = out + panel * k * kColumns;
      for (int64_t j = 0; j < kColumns; j++) {
        const int64_t row = panel * kColumns + j;
        for (int64_t i = 0; i < k; i++) to[i * kColumns + j] = row < n ? in[row * k + i] : 0;
      }
    }
  });
  return packed;
}

at::Tensor padded_bias(const std::optional<at::Tensor> &bias, const at::Tensor &packed, int64_t n) {
  at::Tensor padded = at::zeros({packed.size(0) * kColumns}, packed.options());
  if (bias.has_value()) padded.narrow(0, 0, n).copy_(*bias);
  return padded;
}

at::Tensor packed_linear(const at::Tensor &x, const at::Tensor &packed,
                         const std::optional<at::Tensor> &bias, int64_t n, bool gelu) {
  TORCH_CHECK(x.dim() >= 1 && x.scalar_type() == at::kFloat && x.size(-1) == packed.size(1) &&
                  panel_count(n) == packed.size(0),
              "x ", x.sizes(), " against a weight of ", n, " by ", packed.size(1));
  const at::Tensor rows = x.contiguous();
  const int64_t k = packed.size(1);
  const int64_t m = rows.numel() / k;
  const at::Tensor offsets = padded_bias(bias, packed, n);
  auto shape = x.sizes().vec();
  shape.back() = n;
  at::Tensor result = at::empty(shape, x.options());
  if (m == 0) return result;
  const TileSize size = tile_size();
  at::Tensor blocks = at::empty({ceil_div(m, size.rows), k, size.rows}, x.options());
  float *a = blocks.data_ptr<float>();
  pack_tiles({.data = rows.const_data_ptr<float>(), .stride = k, .is_transposed = false}, m, k, a);
  const PackedProduct product{.a = a,
                              .b = packed.const_data_ptr<float>(),
                              .c = result.data_ptr<float>(),
                              .bias = offsets.const_data_ptr<float>(),
                              .m = m,
                              .n = n,
                              .k = k,
                              .gelu = gelu};
  const auto multiply_part = size.is_wide ? multiply_wide : multiply_narrow;
  parallel_pieces(ceil_div(n, size.columns), kPiece / size.columns,
                  [&](int64_t begin, int64_t end) { multiply_part(product, begin, end); });
  return result;
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(dit, library) {
  library.def("pack_linear_weight(Tensor weight) -> Tensor");
  library.def("packed_linear(Tensor x, Tensor packed, Tensor? bias, int n, bool gelu) -> Tensor");
}

TORCH_LIBRARY_IMPL(dit, CPU, library) {
  library.impl("pack_linear_weight", pack_linear_weight);
  library.impl("packed_linear", packed_linear);
}

}  // namespace dit
