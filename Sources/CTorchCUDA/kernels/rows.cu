// Passes over rows of WIDTH numbers for sampling, computed in float32.

#include "row.cuh"

namespace dit {

/// Writes row `r`. In E4M3 the largest magnitude becomes 448, and the scale is written too; a row
/// with infinity or NaN gets the scale NaN.
template <Kind OUTPUT, int WIDTH, int THREADS>
__device__ __forceinline__ void write(const Row<WIDTH, THREADS> &row, int lane, void *out,
                                      float *scales, int r) {
  const Numbers<OUTPUT> to(out, (long long)r * WIDTH);
  float factor = 1;
  if constexpr (OUTPUT == E4M3) {
    float top = 0;
    bool finite = true;
    row.each(lane, [&](int i, int) {
      const float total = sum(row.parts[i]);  // a maximum skips NaN, a sum keeps it
      finite = finite && total == total && largest(row.parts[i]) < 3.4e38f;
      top = fmaxf(top, largest(row.parts[i]));
    });
    top = reduced<THREADS, true>(top);
    const bool broken = reduced<THREADS, true>(finite ? 0.0f : 1.0f) > 0;
    const bool usable = top > 1e-30f && !broken;
    factor = usable ? 448.0f / top : 0.0f;
    if (lane == 0) scales[r] = broken ? __uint_as_float(0x7fc00000) : usable ? top / 448.0f : 0.0f;
  }
  row.each(lane, [&](int i, int place) { to.set(place, row.parts[i] * factor); });
}

/// Adaptive layer norm (Peebles & Xie 2023, section 3.2) of tokens `[N, T, WIDTH]`, with shift and
/// scale from the row of a table for the image's label. With RESIDUAL first adds gate times
/// residual to the tokens.
template <int WIDTH, Kind INPUT, Kind OUTPUT, bool RESIDUAL>
__global__ void __launch_bounds__(threads_of_row(WIDTH) * rows_of_block(WIDTH))
    norm_modulate(void *x, const void *residual, const long long *labels, const float *gates,
                  long long gate_stride, const float *shifts, const float *factors,
                  long long table_stride, void *out, float *scales, int rows, int tokens,
                  float epsilon) {
  constexpr int threads = threads_of_row(WIDTH);
  const int lane = threadIdx.x % threads;
  const int r = blockIdx.x * rows_of_block(WIDTH) + threadIdx.x / threads;
  if (r >= rows) return;
  const long long label = labels[r / tokens];
  const Numbers<INPUT> token(x, (long long)r * WIDTH);
  Row<WIDTH, threads> row;
  row.each(lane, [&](int i, int place) { row.parts[i] = token.own(place); });
  if constexpr (RESIDUAL) {
    const Numbers<INPUT> branch(residual, (long long)r * WIDTH);
    const Numbers<F32> gate(gates, label * gate_stride);
    row.each(lane, [&](int i, int place) {
      row.parts[i] = row.parts[i] + gate[place] * branch[place];
      token.set(place, row.parts[i]);
    });
  }
  modulate(row, lane, statistics(row, lane, epsilon), Numbers<F32>(shifts, label * table_stride),
           Numbers<F32>(factors, label * table_stride));
  write<OUTPUT>(row, lane, out, scales, r);
}

/// GELU (tanh form; Hendrycks & Gimpel 2016, section 2).
__device__ inline float gelu(float x) {
  return 0.5f * x * (1 + tanhf(0.7978845608f * (x + 0.044715f * x * x * x)));
}

/// Quantizes rows to E4M3, with APPLY_GELU after GELU.
template <int WIDTH, Kind INPUT, bool APPLY_GELU>
__global__ void __launch_bounds__(threads_of_row(WIDTH) * rows_of_block(WIDTH))
    quantize_rows(const void *x, void *out, float *scales, int rows) {
  constexpr int threads = threads_of_row(WIDTH);
  const int lane = threadIdx.x % threads;
  const int r = blockIdx.x * rows_of_block(WIDTH) + threadIdx.x / threads;
  if (r >= rows) return;
  const Numbers<INPUT> from(x, (long long)r * WIDTH);
  Row<WIDTH, threads> row;
  row.each(lane, [&](int i, int place) {
    const Four f = from[place];
    row.parts[i] = APPLY_GELU ? Four{gelu(f.a), gelu(f.b), gelu(f.c), gelu(f.d)} : f;
  });
  write<E4M3>(row, lane, out, scales, r);
}

}  // namespace dit
