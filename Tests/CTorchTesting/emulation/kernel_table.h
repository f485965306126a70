#pragma once

#include <c10/util/StringUtil.h>

#include <map>
#include <string>
#include <utility>

#include "../../../Sources/CTorchCUDA/kernels/numbers.cuh"

namespace emulation {

/// Calls a kernel with pointers to its arguments.
using Call = void (*)(void **arguments);

/// Kernels by name with template arguments, as NVRTC would compile them.
using KernelTable = std::map<std::string, Call>;

template <auto Kernel>
struct Started;

template <typename... Parameters, void (*Kernel)(Parameters...)>
struct Started<Kernel> {
  static void call(void **arguments) { call(arguments, std::index_sequence_for<Parameters...>()); }
  template <size_t... Place>
  static void call(void **arguments, std::index_sequence<Place...>) {
    Kernel(*static_cast<Parameters *>(arguments[Place])...);
  }
};

inline std::string spelled(int value) { return std::to_string(value); }
inline std::string spelled(bool value) { return value ? "true" : "false"; }
inline std::string spelled(dit::Kind kind) {
  constexpr const char *names[] = {"dit::F32", "dit::F16", "dit::BF16", "dit::E4M3"};
  return names[kind];
}

/// A kernel's name, such as "dit::quantize_rows<64, dit::F32, true>".
template <typename First, typename... Rest>
std::string kernel_name(const char *name, First first, Rest... rest) {
  std::string text = std::string("dit::") + name + "<" + spelled(first);
  ((text += ", " + spelled(rest)), ...);
  return text + ">";
}

/// The kernels of rows.cu, for the widths and formats that tests use.
KernelTable rows_kernels();

/// The kernels of adaptive_norm.cu.
KernelTable adaptive_norm_kernels();

}  // namespace emulation
