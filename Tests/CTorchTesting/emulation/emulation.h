#pragma once

// The part of CUDA C++ that our kernels use, on the processor. Blocks run one after the other,
// their threads in turns, each until it waits for others. Include it before a kernel's file.

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>

namespace emulation {

/// The indices of the running thread, as in CUDA.
struct Index {
  unsigned x = 0, y = 0, z = 0;
};

/// Waits for all threads of the block that have not ended.
void wait_for_block();

/// Waits for the 32 threads of the warp; returns the value of thread `lane ^ mask`.
float exchanged(float value, int mask);

/// Runs a kernel. Warps take turns in a varying but repeatable order. A deadlock, or behaviour that
/// is undefined on a GPU, ends the program with a message.
void run(unsigned blocks, unsigned threads, const std::function<void()> &kernel);

}  // namespace emulation

extern emulation::Index threadIdx;
extern emulation::Index blockIdx;

#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)
// Blocks run one at a time.
#define __shared__ static

struct alignas(16) float4 {
  float x, y, z, w;
};

struct alignas(8) uint2 {
  unsigned x, y;
};

inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }

inline unsigned __float_as_uint(float x) {
  unsigned bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

inline float __uint_as_float(unsigned bits) {
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

template <typename Value>
Value __ldg(const Value *place) {
  return *place;
}

inline void __syncthreads() { emulation::wait_for_block(); }

inline float __shfl_xor_sync(unsigned, float value, int mask) {
  return emulation::exchanged(value, mask);
}
