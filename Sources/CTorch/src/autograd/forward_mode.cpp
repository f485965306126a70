#include "ctorch/forward_mode.h"

#include <torch/csrc/autograd/forward_grad.h>

#include "guard.h"

ctorch_status ctorch_forward_mode_begin(uint64_t *level) {
  return ctorch::guarded([&] { *level = torch::autograd::ForwardADLevel::get_next_idx(); });
}

ctorch_status ctorch_forward_mode_end(uint64_t level) {
  return ctorch::guarded([&] { torch::autograd::ForwardADLevel::release_idx(level); });
}
