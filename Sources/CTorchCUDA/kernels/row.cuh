#pragma once

// A row of WIDTH numbers in the registers of THREADS threads: thread `lane` has the vectors lane,
// lane + THREADS, ... of four numbers each.

#include "geometry.h"
#include "numbers.cuh"

namespace dit {

template <int WIDTH, int THREADS>
struct Row {
  static constexpr int vectors = WIDTH / 4;
  static constexpr int steps = (vectors + THREADS - 1) / THREADS;
  Four parts[steps];

  /// Calls `body(part, place)` for each vector of this thread.
  template <typename Body>
  static __device__ __forceinline__ void each(int lane, Body body) {
#pragma unroll
    for (int i = 0; i < steps; i++) {
      const int place = lane + i * THREADS;
      if (place < vectors) body(i, place);
    }
  }
};

/// The sum or maximum over the threads of a row, returned to all of them.
template <int THREADS, bool LARGEST>
__device__ float reduced(float x) {
#pragma unroll
  for (int offset = 16; offset > 0; offset /= 2) {
    const float other = __shfl_xor_sync(0xffffffffu, x, offset);
    x = LARGEST ? fmaxf(x, other) : x + other;
  }
  if constexpr (THREADS > 32) {
    __shared__ float parts[THREADS / 32];
    __syncthreads();
    if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = x;
    __syncthreads();
    x = parts[0];
    for (int i = 1; i < THREADS / 32; i++) x = LARGEST ? fmaxf(x, parts[i]) : x + parts[i];
  }
  return x;
}

struct Two {
  float a, b;
};

/// Sums of two numbers over the THREADS threads of a block, returned to all of them. `turn`
/// alternates between 0 and 1 from call to call, so that no thread overwrites memory that others
/// still read.
template <int THREADS>
__device__ __forceinline__ Two sums_of_block(Two x, int turn) {
#pragma unroll
  for (int offset = 16; offset > 0; offset /= 2) {
    x.a += __shfl_xor_sync(0xffffffffu, x.a, offset);
    x.b += __shfl_xor_sync(0xffffffffu, x.b, offset);
  }
  if constexpr (THREADS > 32) {
    __shared__ Two parts[2][THREADS / 32];
    if (threadIdx.x % 32 == 0) parts[turn][threadIdx.x / 32] = x;
    __syncthreads();
    x = parts[turn][0];
    for (int i = 1; i < THREADS / 32; i++) {
      x.a += parts[turn][i].a;
      x.b += parts[turn][i].b;
    }
  }
  return x;
}

/// The statistics of layer norm (Ba et al. 2016): the mean, and 1 over the deviation.
struct Statistics {
  float mean, deviation;
};

template <int WIDTH, int THREADS>
__device__ __forceinline__ Statistics statistics(const Row<WIDTH, THREADS> &row, int lane,
                                                 float epsilon) {
  float total = 0;
  row.each(lane, [&](int i, int) { total += sum(row.parts[i]); });
  const float mean = reduced<THREADS, false>(total) / WIDTH;
  float squares = 0;
  row.each(lane, [&](int i, int) {
    const Four x = row.parts[i] + -mean;
    squares += sum(x * x);
  });
  return {mean, 1 / sqrtf(reduced<THREADS, false>(squares) / WIDTH + epsilon)};
}

/// norm(row) (1 + factor) + shift.
template <int WIDTH, int THREADS, Kind KIND>
__device__ __forceinline__ void modulate(Row<WIDTH, THREADS> &row, int lane, Statistics norm,
                                         Numbers<KIND> shift, Numbers<KIND> factor) {
  row.each(lane, [&](int i, int place) {
    row.parts[i] =
        (row.parts[i] + -norm.mean) * norm.deviation * (factor[place] + 1.0f) + shift[place];
  });
}

}  // namespace dit
