#pragma once

#include <cstdint>

#include "simd.h"

namespace dit {

constexpr int64_t kRows = 6;      // of C, held in registers with...
constexpr int64_t kColumns = 16;  // ...these columns

typedef float Vector __attribute__((ext_vector_type(8)));
typedef int32_t IntVector __attribute__((ext_vector_type(8)));
typedef float UnalignedVector __attribute__((ext_vector_type(8), aligned(4)));

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// Adds the product of kRows rows of A and a panel of B, `[depth][kColumns]`, to sums in registers.
/// Number k of row i of A is at `a[i * row + k * step]`.
DIT_INLINE void multiply_tile(const float *a, int64_t row, int64_t step, const float *b,
                              int64_t depth, Vector (&sums)[kRows][2]) {
#pragma clang fp contract(fast)
  for (int64_t k = 0; k < depth; k++, a += step, b += kColumns) {
    const Vector b0 = *reinterpret_cast<const Vector *>(b);
    const Vector b1 = *reinterpret_cast<const Vector *>(b + 8);
#pragma clang loop unroll(full)
    for (int64_t i = 0; i < kRows; i++) {
      const Vector x = a[i * row];
      sums[i][0] += x * b0;
      sums[i][1] += x * b1;
    }
  }
}

}  // namespace dit
