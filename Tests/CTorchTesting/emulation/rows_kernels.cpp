#include "emulation.h"
#include "kernel_table.h"
// Many kernels run on a few small rows: compile time matters, not speed.
#pragma clang optimize off
// Needs the subset of CUDA above.
#include "../../../Sources/CTorchCUDA/kernels/rows.cu"

namespace emulation {
namespace {

using dit::Kind;

template <int WIDTH, Kind INPUT, Kind OUTPUT, bool RESIDUAL>
void add_norm(KernelTable &table) {
  table[kernel_name("norm_modulate", WIDTH, INPUT, OUTPUT, RESIDUAL)] =
      Started<dit::norm_modulate<WIDTH, INPUT, OUTPUT, RESIDUAL>>::call;
}

template <int WIDTH, Kind INPUT, bool GELU>
void add_quantization(KernelTable &table) {
  table[kernel_name("quantize_rows", WIDTH, INPUT, GELU)] =
      Started<dit::quantize_rows<WIDTH, INPUT, GELU>>::call;
}

template <int WIDTH, Kind INPUT, Kind... OUTPUTS>
void add_norms(KernelTable &table) {
  (add_norm<WIDTH, INPUT, OUTPUTS, false>(table), ...);
  (add_norm<WIDTH, INPUT, OUTPUTS, true>(table), ...);
}

template <int WIDTH, Kind... INPUTS>
void add_kinds(KernelTable &table) {
  (add_norms<WIDTH, INPUTS, dit::F32, dit::F16, dit::BF16, dit::E4M3>(table), ...);
  (add_quantization<WIDTH, INPUTS, false>(table), ...);
  (add_quantization<WIDTH, INPUTS, true>(table), ...);
}

template <int... WIDTHS>
void add_widths(KernelTable &table) {
  (add_kinds<WIDTHS, dit::F32, dit::F16, dit::BF16>(table), ...);
}

}  // namespace

KernelTable rows_kernels() {
  KernelTable table;
  add_widths<4, 64, 200, 1152, 2052, 4608>(table);
  return table;
}

}  // namespace emulation
