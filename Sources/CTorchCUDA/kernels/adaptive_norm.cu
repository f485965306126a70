// Adaptive layer norm and the gated residual of adaLN-Zero (Peebles & Xie 2023, section 3.2) for
// training. Tokens are `[N, T, WIDTH]` in float32; branches and the vectors of images are of kind
// INPUT, results of kind OUTPUT. Sums over the tokens of an image are computed in parts.

#include "row.cuh"

namespace dit {

/// Normalizes tokens; with RESIDUAL first writes x + gate branch to `sums`.
template <int WIDTH, Kind INPUT, Kind OUTPUT, bool RESIDUAL>
__global__ void __launch_bounds__(threads_of_row(WIDTH) * rows_of_block(WIDTH))
    adaptive_norm(const float *x, const void *branches, const void *gates, long long gate_stride,
                  const void *shifts, long long shift_stride, const void *factors,
                  long long factor_stride, float *sums, void *out, float *means, float *deviations,
                  int rows, int tokens, float epsilon) {
  constexpr int threads = threads_of_row(WIDTH);
  const int lane = threadIdx.x % threads;
  const int r = blockIdx.x * rows_of_block(WIDTH) + threadIdx.x / threads;
  if (r >= rows) return;
  const int n = r / tokens;
  const long long start = (long long)r * WIDTH;
  const Numbers<F32> token(x, start);
  Row<WIDTH, threads> row;
  row.each(lane, [&](int i, int place) { row.parts[i] = token[place]; });
  if constexpr (RESIDUAL) {
    const Numbers<INPUT> branch(branches, start), gate(gates, n * gate_stride);
    const Numbers<F32> sum(sums, start);
    row.each(lane, [&](int i, int place) {
      row.parts[i] = row.parts[i] + gate[place] * branch[place];
      sum.set(place, row.parts[i]);
    });
  }
  const Statistics norm = statistics(row, lane, epsilon);
  if (lane == 0) {
    means[r] = norm.mean;
    deviations[r] = norm.deviation;
  }
  modulate(row, lane, norm, Numbers<INPUT>(shifts, n * shift_stride),
           Numbers<INPUT>(factors, n * factor_stride));
  const Numbers<OUTPUT> to(out, start);
  row.each(lane, [&](int i, int place) { to.set(place, row.parts[i]); });
}

/// The tokens summed by a block: a part of an image.
struct Part {
  int image, first, last;

  __device__ explicit Part(int tokens) {
    const int count = (tokens + kTokensOfPart - 1) / kTokensOfPart;
    image = blockIdx.x / count;
    first = blockIdx.x % count * kTokensOfPart;
    last = first + kTokensOfPart < tokens ? first + kTokensOfPart : tokens;
  }
};

/// Writes sum `which` of the block's `count` sums.
template <int WIDTH, int THREADS>
__device__ __forceinline__ void write_part(const Row<WIDTH, THREADS> &row, float *parts, int which,
                                           int count) {
  const Numbers<F32> to(parts, ((long long)blockIdx.x * count + which) * WIDTH);
  row.each(threadIdx.x, [&](int i, int place) { to.set(place, row.parts[i]); });
}

/// The gradients of `adaptive_norm` from the gradients of its result and, with RESIDUAL, of the
/// sum. `x` is the input of the norm. Parts are `[blocks, sums, WIDTH]`: shift, scale, and with
/// RESIDUAL gate.
template <int WIDTH, Kind INPUT, Kind OUTPUT, bool RESIDUAL>
__global__ void __launch_bounds__(threads_of_columns(WIDTH))
    adaptive_norm_backward(const void *gradients, const float *sum_gradients, const float *x,
                           const void *branches, const void *gates, long long gate_stride,
                           const void *factors, long long factor_stride, const float *means,
                           const float *deviations, float *out, void *branch_out, float *parts,
                           int tokens) {
  using Columns = Row<WIDTH, threads_of_columns(WIDTH)>;
  const Part part(tokens);
  const int lane = threadIdx.x;
  const Numbers<INPUT> factor(factors, part.image * factor_stride);
  Columns shift_sum = {}, factor_sum = {}, gate_sum = {};
  for (int t = part.first; t < part.last; t++) {
    const long long r = (long long)part.image * tokens + t, start = r * WIDTH;
    const Numbers<OUTPUT> gradient(gradients, start);
    const Numbers<F32> token(x, start), to(out, start);
    const float mean = means[r], deviation = deviations[r];
    Columns slope, norm;
    Two total = {0, 0};
    Columns::each(lane, [&](int i, int place) {
      const Four g = gradient[place];
      norm.parts[i] = (token[place] + -mean) * deviation;
      shift_sum.parts[i] = shift_sum.parts[i] + g;
      factor_sum.parts[i] = factor_sum.parts[i] + g * norm.parts[i];
      slope.parts[i] = g * (factor[place] + 1.0f);
      total.a += sum(slope.parts[i]);
      total.b += sum(slope.parts[i] * norm.parts[i]);
    });
    total = sums_of_block<threads_of_columns(WIDTH)>(total, t % 2);
    const float share = total.a / WIDTH, along = total.b / WIDTH;
    Columns::each(lane, [&](int i, int place) {
      Four result = (slope.parts[i] + -share + norm.parts[i] * -along) * deviation;
      if constexpr (RESIDUAL) {
        const Numbers<INPUT> branch(branches, start), branch_to(branch_out, start);
        const Numbers<INPUT> gate(gates, part.image * gate_stride);
        result = result + Numbers<F32>(sum_gradients, start)[place];
        gate_sum.parts[i] = gate_sum.parts[i] + result * branch[place];
        branch_to.set(place, result * gate[place]);
      }
      to.set(place, result);
    });
  }
  write_part(shift_sum, parts, 0, RESIDUAL ? 3 : 2);
  write_part(factor_sum, parts, 1, RESIDUAL ? 3 : 2);
  if constexpr (RESIDUAL) write_part(gate_sum, parts, 2, 3);
}

/// x + gate branch.
template <int WIDTH, Kind INPUT>
__global__ void __launch_bounds__(kThreadsOfBlock)
    gated_add(const float *x, const void *branches, const void *gates, long long gate_stride,
              float *out, int rows, int tokens) {
  constexpr unsigned vectors = WIDTH / 4;
  const unsigned i = blockIdx.x * kThreadsOfBlock + threadIdx.x;
  if (i >= rows * vectors) return;
  const Numbers<INPUT> gate(gates, i / vectors / tokens * gate_stride);
  const Four sum = Numbers<F32>(x, 0)[i] + gate[i % vectors] * Numbers<INPUT>(branches, 0)[i];
  Numbers<F32>(out, 0).set(i, sum);
}

/// The gradients of `gated_add`: of the branch, and in parts `[blocks, 1, WIDTH]` of the gate.
template <int WIDTH, Kind INPUT>
__global__ void __launch_bounds__(threads_of_columns(WIDTH))
    gated_add_backward(const float *gradients, const void *branches, const void *gates,
                       long long gate_stride, void *out, float *parts, int tokens) {
  using Columns = Row<WIDTH, threads_of_columns(WIDTH)>;
  const Part part(tokens);
  const Numbers<INPUT> gate(gates, part.image * gate_stride);
  Columns gate_sum = {};
#pragma unroll 4
  for (int t = part.first; t < part.last; t++) {
    const long long start = ((long long)part.image * tokens + t) * WIDTH;
    const Numbers<F32> gradient(gradients, start);
    const Numbers<INPUT> branch(branches, start), to(out, start);
    Columns::each(threadIdx.x, [&](int i, int place) {
      const Four g = gradient[place];
      gate_sum.parts[i] = gate_sum.parts[i] + g * branch[place];
      to.set(place, g * gate[place]);
    });
  }
  write_part(gate_sum, parts, 0, 1);
}

/// Sums the blocks' parts `[images, parts, sums, width]`, in their order, to `[sums, images,
/// width]`.
template <Kind OUTPUT>
__global__ void __launch_bounds__(kThreadsOfBlock)
    sum_parts(const float *parts, void *out, int images, int part_count, int sum_count, int width) {
  const int vectors = width / 4, of_part = sum_count * vectors;
  const int i = blockIdx.x * kThreadsOfBlock + threadIdx.x;
  if (i >= images * of_part) return;
  const int image = i / of_part, place = i % of_part;
  Four total = {0, 0, 0, 0};
  for (int part = 0; part < part_count; part++) {
    const long long start = ((long long)image * part_count + part) * sum_count * width;
    total = total + Numbers<F32>(parts, start)[place];
  }
  const int which = place / vectors;
  Numbers<OUTPUT>(out, ((long long)which * images + image) * width).set(place % vectors, total);
}

}  // namespace dit
