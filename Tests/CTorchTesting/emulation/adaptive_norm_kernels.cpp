#include "emulation.h"
#include "kernel_table.h"
// Many kernels run on a few small rows: compile time matters, not speed.
#pragma clang optimize off
// Needs the subset of CUDA above.
#include "../../../Sources/CTorchCUDA/kernels/adaptive_norm.cu"

namespace emulation {
namespace {

using dit::Kind;

template <int WIDTH, Kind INPUT, Kind OUTPUT, bool RESIDUAL>
void add_norm(KernelTable &table) {
  table[kernel_name("adaptive_norm", WIDTH, INPUT, OUTPUT, RESIDUAL)] =
      Started<dit::adaptive_norm<WIDTH, INPUT, OUTPUT, RESIDUAL>>::call;
  table[kernel_name("adaptive_norm_backward", WIDTH, INPUT, OUTPUT, RESIDUAL)] =
      Started<dit::adaptive_norm_backward<WIDTH, INPUT, OUTPUT, RESIDUAL>>::call;
}

template <int WIDTH, Kind INPUT, Kind... OUTPUTS>
void add_norms(KernelTable &table) {
  (add_norm<WIDTH, INPUT, OUTPUTS, false>(table), ...);
  (add_norm<WIDTH, INPUT, OUTPUTS, true>(table), ...);
  table[kernel_name("gated_add", WIDTH, INPUT)] = Started<dit::gated_add<WIDTH, INPUT>>::call;
  table[kernel_name("gated_add_backward", WIDTH, INPUT)] =
      Started<dit::gated_add_backward<WIDTH, INPUT>>::call;
}

template <int WIDTH, Kind... INPUTS>
void add_kinds(KernelTable &table) {
  (add_norms<WIDTH, INPUTS, dit::F32, dit::F16, dit::BF16>(table), ...);
}

template <int... WIDTHS>
void add_widths(KernelTable &table) {
  (add_kinds<WIDTHS, dit::F32, dit::F16, dit::BF16>(table), ...);
}

template <Kind... OUTPUTS>
void add_sums(KernelTable &table) {
  ((table[kernel_name("sum_parts", OUTPUTS)] = Started<dit::sum_parts<OUTPUTS>>::call), ...);
}

}  // namespace

KernelTable adaptive_norm_kernels() {
  KernelTable table;
  add_widths<4, 64, 200, 1152, 2052, 4608>(table);
  add_sums<dit::F32, dit::F16, dit::BF16>(table);
  return table;
}

}  // namespace emulation
