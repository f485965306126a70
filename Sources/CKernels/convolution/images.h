#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstdint>

namespace dit {

// Images with channels last, [N, H, W, C], float32: the pixels of a row are contiguous, rows and
// images may have any stride.

/// Whether a CPU tensor has this layout.
inline bool are_images(const at::Tensor &x) {
  return x.dim() == 4 && x.scalar_type() == at::kFloat && x.is_cpu() &&
         (x.size(3) == 1 || x.stride(3) == 1) && (x.size(2) == 1 || x.stride(2) == x.size(3));
}

/// Whether a CPU tensor has channels last; its pixels, too, may have any stride.
inline bool have_pixels(const at::Tensor &x) {
  return x.dim() == 4 && x.scalar_type() == at::kFloat && x.is_cpu() &&
         (x.size(3) == 1 || x.stride(3) == 1) && (x.size(2) == 1 || x.stride(2) >= x.size(3));
}

/// The extent of `count` images in memory, in numbers.
inline int64_t images_extent(const at::Tensor &x, int64_t count) {
  return (count - 1) * x.stride(0) + (x.size(1) - 1) * x.stride(1) + x.size(2) * x.size(3);
}

/// Whether images may overlap in memory. Images side by side in wider rows do not overlap. If each
/// image of `a` and its partner in `b` share one place of memory, one pair stands for all.
inline bool may_overlap(const at::Tensor &a, const at::Tensor &b) {
  if (a.numel() == 0 || b.numel() == 0 || !a.is_alias_of(b)) return false;
  if (!are_images(a) || !are_images(b)) return true;
  const int64_t distance = b.storage_offset() - a.storage_offset();
  const int64_t place = std::max(images_extent(a, 1), distance + images_extent(b, 1)) -
                        std::min<int64_t>(distance, 0);
  const bool has_places =
      a.size(0) == b.size(0) && a.stride(0) == b.stride(0) && place <= a.stride(0);
  const int64_t count_a = has_places ? 1 : a.size(0), count_b = has_places ? 1 : b.size(0);
  if (distance >= images_extent(a, count_a) || -distance >= images_extent(b, count_b)) return false;
  const int64_t row = a.stride(1);
  if (row <= 0 || b.stride(1) != row) return true;
  if (!has_places && (a.stride(0) % row != 0 || b.stride(0) % row != 0)) return true;
  const int64_t column = (distance % row + row) % row;
  return column < a.size(2) * a.size(3) || column + b.size(2) * b.size(3) > row;
}

}  // namespace dit
