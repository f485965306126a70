#include "ctorch/autograd.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include "guard.h"
#include "handles.h"

bool ctorch_grad_enabled(void) { return at::GradMode::is_enabled(); }

void ctorch_set_grad_enabled(bool enabled) { at::GradMode::set_enabled(enabled); }

bool ctorch_tensor_requires_grad(ctorch_tensor tensor) {
  return ctorch::retained(tensor).requires_grad();
}

ctorch_status ctorch_tensor_set_requires_grad(ctorch_tensor tensor, bool requires_grad) {
  return ctorch::guarded([&] { ctorch::retained(tensor).set_requires_grad(requires_grad); });
}

ctorch_status ctorch_tensor_grad(ctorch_tensor tensor, ctorch_tensor *result) {
  return ctorch::guarded([&] { *result = ctorch::released(ctorch::retained(tensor).grad()); });
}

ctorch_status ctorch_tensor_set_grad(ctorch_tensor tensor, ctorch_tensor gradient) {
  return ctorch::guarded(
      [&] { ctorch::retained(tensor).mutable_grad() = ctorch::retained(gradient); });
}

ctorch_status ctorch_backward(ctorch_tensor loss) {
  return ctorch::guarded([&] { torch::autograd::backward({ctorch::retained(loss)}, {}); });
}
