#pragma once

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Whether operations on this thread are recorded for autograd.
bool ctorch_grad_enabled(void);
void ctorch_set_grad_enabled(bool enabled);

bool ctorch_tensor_requires_grad(ctorch_tensor tensor);
ctorch_status ctorch_tensor_set_requires_grad(ctorch_tensor tensor, bool requires_grad);
/// The accumulated gradient of a leaf; a null `impl` if there is none.
ctorch_status ctorch_tensor_grad(ctorch_tensor tensor, ctorch_tensor *result);
/// Replaces the accumulated gradient; a null `impl` clears it.
ctorch_status ctorch_tensor_set_grad(ctorch_tensor tensor, ctorch_tensor gradient);
/// Accumulates the gradients of a scalar into its leaves.
ctorch_status ctorch_backward(ctorch_tensor loss);

#ifdef __cplusplus
}
#endif
