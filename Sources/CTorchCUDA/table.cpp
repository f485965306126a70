// The entry point of this library, as ctorch/cuda.h describes it. scripts/build-cuda builds it, not
// the package.

#include <torch/version.h>

#include "ctorch/cuda.h"
#include "graph.h"
#include "group.h"

extern "C" __attribute__((visibility("default"))) const ctorch_cuda_functions *ctorch_cuda_table() {
  static const ctorch_cuda_functions functions = {
      CTORCH_CUDA_LAYOUT,
      10000 * TORCH_VERSION_MAJOR + 100 * TORCH_VERSION_MINOR + TORCH_VERSION_PATCH,
      ctorch_last_error,
      dit::capture,
      dit::replay,
      dit::release,
      dit::join_group,
      dit::has_groups,
  };
  return &functions;
}
