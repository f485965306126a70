// Matrix products of training in float32. Both operands change from step to step and are packed on
// the way: A as a whole, B by the thread that needs it. Blocking after Goto & van de Geijn 2008
// ("Anatomy of high-performance matrix multiplication"): panels of B stay in L1, blocks of A in L2.

#include "matmul/product.h"

#include <sys/mman.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>

#include "ckernels/processor.h"
#include "common/parallel.h"
#include "matmul/pack.h"

namespace dit {
namespace {

constexpr int64_t kDepthBlock = 256;   // of K: 16 columns of B are 16 KB
constexpr int64_t kRowBlock = 384;     // rows of A: a block is 390 KB
constexpr int64_t kColumnBlock = 768;  // columns of B: a block is 780 KB
constexpr int64_t kPiece = 96;         // rows, or columns, that a thread takes at least

/// Memory for packed operands, kept from product to product. In large pages, if the system has
/// them, its lines spread evenly over the cache.
class Room {
 public:
  /// Room for `count` numbers; null if there is no memory.
  float *of(int64_t count) noexcept {
    if (count <= count_) return memory_.get();
    constexpr size_t kPage = size_t{1} << 21;
    const size_t size = (static_cast<size_t>(count) * sizeof(float) + kPage - 1) / kPage * kPage;
    memory_.reset();
    count_ = 0;
    void *start = std::aligned_alloc(kPage, size);
    if (start == nullptr) return nullptr;
#if defined(MADV_HUGEPAGE)
    madvise(start, size, MADV_HUGEPAGE);
#endif
    memory_.reset(static_cast<float *>(start));
    count_ = static_cast<int64_t>(size / sizeof(float));
    return memory_.get();
  }

 private:
  struct Free {
    void operator()(float *memory) const { std::free(memory); }
  };
  std::unique_ptr<float[], Free> memory_;
  int64_t count_ = 0;
};

/// The part of C of one thread, in tiles and in panels of their width.
struct Part {
  int64_t tile_begin, tile_end;
  int64_t panel_begin, panel_end;
};

/// A block of rows, columns and depth.
struct Block {
  Part part;
  int64_t k, depth;
};

template <typename Shape>
DIT_INLINE void pack_a(const Matrix &a, int64_t m, int64_t k, int64_t begin, int64_t end,
                       float *packed) {
  for (int64_t t = begin; t < end; t++) {
    const int64_t row = t * Shape::rows;
    const int64_t count = std::min(Shape::rows, m - row);
    float *out = packed + row * k;
    if (a.is_transposed) {
      pack_columns<Shape::rows>(a.data + row, a.stride, count, k, out);
    } else {
      pack_transposed<Shape::rows>(a.data + row * a.stride, a.stride, count, k, out);
    }
  }
}

template <typename Shape>
DIT_INLINE void pack_b(const Product &p, int64_t panel_begin, int64_t panel_end, int64_t k,
                       int64_t depth, float *out) {
  const int64_t end = panel_end * Shape::columns;
  for (int64_t column = panel_begin * Shape::columns; column < end; column += kColumns) {
    const int64_t count = std::min(kColumns, p.n - column);
    if (count <= 0) {
      std::fill_n(out, depth * kColumns, 0.0f);
    } else if (p.b.is_transposed) {
      pack_transposed<kColumns>(p.b.data + column * p.b.stride + k, p.b.stride, count, depth, out);
    } else {
      pack_columns<kColumns>(p.b.data + k * p.b.stride + column, p.b.stride, count, depth, out);
    }
    out += depth * kColumns;
  }
}

/// Multiplies packed tiles of A by one packed panel of B.
template <typename Shape>
DIT_INLINE void multiply_panel(const Product &p, const Block &block, int64_t panel, const float *a,
                               const float *b) {
  const int64_t columns = std::min(Shape::columns, p.n - panel * Shape::columns);
  alignas(64) float bias[Shape::columns] = {};
  if (p.bias != nullptr) std::copy_n(p.bias + panel * Shape::columns, columns, bias);
  const int64_t row = block.part.tile_begin * Shape::rows;
  const int64_t at = row * p.n + panel * Shape::columns;
  const Tile first{.a = a + row * p.k + block.k * Shape::rows,
                   .b = b,
                   .apart = Shape::panels == 1 ? Shape::lanes : block.depth * kColumns,
                   .depth = block.depth,
                   .c = p.c + at,
                   .stride = p.n,
                   .first = block.k == 0,
                   .last = block.k + block.depth == p.k,
                   .bias = p.bias == nullptr ? nullptr : bias,
                   .finish = p.finish,
                   .other = p.other == nullptr ? nullptr : p.other + at,
                   .ahead = nullptr,
                   .ahead_lines = 0};
  compute_tiles<Shape>(first, block.part.tile_end - block.part.tile_begin, Shape::rows * p.k,
                       p.m - row, columns);
}

/// The length of equal steps through `count`, each at most `limit`.
int64_t even_step(int64_t count, int64_t limit) { return ceil_div(count, ceil_div(count, limit)); }

template <typename Shape>
DIT_INLINE void multiply_part(const Product &p, const Part &part, const float *a, float *b) {
  const int64_t depth_step = even_step(p.k, kDepthBlock);
  const int64_t tile_step = even_step(part.tile_end - part.tile_begin, kRowBlock / Shape::rows);
  const int64_t panel_step =
      even_step(part.panel_end - part.panel_begin, kColumnBlock / Shape::columns);
  for (int64_t panel = part.panel_begin; panel < part.panel_end; panel += panel_step) {
    const int64_t panel_end = std::min(panel + panel_step, part.panel_end);
    for (int64_t k = 0; k < p.k; k += depth_step) {
      const int64_t depth = std::min(depth_step, p.k - k);
      pack_b<Shape>(p, panel, panel_end, k, depth, b);
      for (int64_t tile = part.tile_begin; tile < part.tile_end; tile += tile_step) {
        const int64_t tile_end = std::min(tile + tile_step, part.tile_end);
        const Block block{.part = {.tile_begin = tile,
                                   .tile_end = tile_end,
                                   .panel_begin = panel,
                                   .panel_end = panel_end},
                          .k = k,
                          .depth = depth};
        for (int64_t j = panel; j < panel_end; j++) {
          multiply_panel<Shape>(p, block, j, a, b + (j - panel) * depth * Shape::columns);
        }
      }
    }
  }
}

DIT_CLONES void pack_narrow(const Matrix &a, int64_t m, int64_t k, int64_t begin, int64_t end,
                            float *packed) {
  pack_a<NarrowTile>(a, m, k, begin, end, packed);
}

DIT_CLONES void multiply_narrow(const Product &p, const Part &part, const float *a, float *b) {
  multiply_part<NarrowTile>(p, part, a, b);
}

DIT_WIDE void pack_wide(const Matrix &a, int64_t m, int64_t k, int64_t begin, int64_t end,
                        float *packed) {
  pack_a<WideTile>(a, m, k, begin, end, packed);
}

DIT_WIDE void multiply_wide(const Product &p, const Part &part, const float *a, float *b) {
  multiply_part<WideTile>(p, part, a, b);
}

}  // namespace

TileSize tile_size() {
  static const bool is_wide = ckernels_has_avx512();
  return is_wide
             ? TileSize{.is_wide = true, .rows = WideTile::rows, .columns = WideTile::columns}
             : TileSize{.is_wide = false, .rows = NarrowTile::rows, .columns = NarrowTile::columns};
}

void pack_tiles(const Matrix &a, int64_t m, int64_t k, float *out) {
  const auto pack = tile_size().is_wide ? pack_wide : pack_narrow;
  parallel_for(ceil_div(m, tile_size().rows), 4,
               [&](int64_t begin, int64_t end) { pack(a, m, k, begin, end, out); });
}

void multiply(const Product &product) {
  const TileSize size = tile_size();
  const auto multiply_part = size.is_wide ? multiply_wide : multiply_narrow;
  const int64_t tiles = ceil_div(product.m, size.rows);
  const int64_t panels = ceil_div(product.n, size.columns);
  thread_local Room left;
  float *a = left.of(tiles * product.k * size.rows);
  if (a == nullptr) throw std::bad_alloc();
  pack_tiles(product.a, product.m, product.k, a);
  // Threads must not throw.
  std::atomic<bool> lacks_memory = false;
  const auto part = [&](const Part &part) {
    thread_local Room right;
    float *b = right.of(kColumnBlock * kDepthBlock);
    if (b == nullptr) {
      lacks_memory = true;
    } else {
      multiply_part(product, part, a, b);
    }
  };
  // Each piece packs its panels, so rows are divided only if there are few panels.
  const int64_t panel_piece = kPiece / size.columns;
  if (panels >= panel_piece * 4 * at::get_num_threads()) {
    parallel_pieces(panels, panel_piece, [&](int64_t begin, int64_t end) {
      part({.tile_begin = 0, .tile_end = tiles, .panel_begin = begin, .panel_end = end});
    });
  } else {
    parallel_pieces(tiles, kPiece / size.rows, [&](int64_t begin, int64_t end) {
      part({.tile_begin = begin, .tile_end = end, .panel_begin = 0, .panel_end = panels});
    });
  }
  if (lacks_memory) throw std::bad_alloc();
}

}  // namespace dit
