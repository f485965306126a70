#pragma once

#include <cstdint>

#include "common/simd.h"

namespace dit {

constexpr int64_t kRows = 6;      // rows of C in registers
constexpr int64_t kColumns = 16;  // columns of C in registers: a panel of B

/// Vector types of a width.
template <int lanes>
struct Lanes {
  typedef float Vector __attribute__((ext_vector_type(lanes)));
  typedef int32_t IntVector __attribute__((ext_vector_type(lanes)));
  typedef float UnalignedVector __attribute__((ext_vector_type(lanes), aligned(4)));
};

using Vector = Lanes<8>::Vector;
using IntVector = Lanes<8>::IntVector;
using UnalignedVector = Lanes<8>::UnalignedVector;

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// Adds rows of A times columns of B to sums in registers. Element (i, k) of A is at
/// `a[i * row + k * step]`, vector j of row k of B at `b[j * apart + k * kColumns]`, aligned.
template <typename Vector, int64_t rows, int64_t vectors>
DIT_INLINE void multiply_tile(const float *a, int64_t row, int64_t step, const float *b,
                              int64_t apart, int64_t depth, Vector (&sums)[rows][vectors]) {
#pragma clang fp contract(fast)
  for (int64_t k = 0; k < depth; k++, a += step, b += kColumns) {
    Vector columns[vectors];
#pragma clang loop unroll(full)
    for (int64_t j = 0; j < vectors; j++) {
      columns[j] = *reinterpret_cast<const Vector *>(b + j * apart);
    }
#pragma clang loop unroll(full)
    for (int64_t i = 0; i < rows; i++) {
      const Vector x = a[i * row];
#pragma clang loop unroll(full)
      for (int64_t j = 0; j < vectors; j++) sums[i][j] += x * columns[j];
    }
  }
}

}  // namespace dit
