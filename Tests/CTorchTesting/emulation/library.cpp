// The CUDA operators on the processor: the library's own code, with an emulated launch. The GPU's
// `dit::x` is `dit_emulated::x` here.

#include <ATen/core/dispatch/Dispatcher.h>

#include "../../../Sources/CTorchCUDA/adaptive_norm.cpp"
#include "../../../Sources/CTorchCUDA/rows.cpp"
#include "CTorchTesting.h"
#include "emulation.h"
#include "kernel_table.h"

namespace dit {

void launch(const std::string &, const std::string &name, unsigned blocks, unsigned threads,
            void **arguments) {
  static const emulation::KernelTable kernels = [] {
    auto all = emulation::rows_kernels();
    all.merge(emulation::adaptive_norm_kernels());
    return all;
  }();
  const auto kernel = kernels.find(name);
  TORCH_CHECK(kernel != kernels.end(), "the emulation has no kernel ", name);
  emulation::run(blocks, threads, [&] { kernel->second(arguments); });
}

}  // namespace dit

namespace {

c10::OperatorHandle operator_named(const std::string &name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name.c_str(), "");
}

/// Calls the operator registered for a GPU.
void call(const c10::OperatorHandle &emulated, torch::jit::Stack *stack) {
  const std::string name = emulated.schema().operator_name().name;
  operator_named("dit" + name.substr(name.find("::")))
      .callBoxedForDispatchKey(c10::DispatchKey::CUDA, *stack);
}

}  // namespace

void ctorch_testing_define_emulated() {
  static torch::Library library(torch::Library::DEF, "dit_emulated", std::nullopt, __FILE__,
                                __LINE__);
  static const bool is_defined = [] {
    for (const char *name :
         {"norm_modulate", "residual_norm_modulate_", "quantize_rows_e4m3", "adaptive_norm_forward",
          "adaptive_norm_backward", "gated_add", "gated_add_backward", "gated_add_norm_forward",
          "gated_add_norm_backward"}) {
      const c10::FunctionSchema &schema = operator_named(std::string("dit::") + name).schema();
      library.def(schema.cloneWithName(std::string("dit_emulated::") + name, ""));
      library.impl(name, torch::CppFunction::makeFromBoxedFunction<&call>());
    }
    return true;
  }();
  static_cast<void>(is_defined);
}
