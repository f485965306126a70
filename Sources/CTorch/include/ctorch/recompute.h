#pragma once

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Computes one tensor from two; the result is owned by the caller. Non-zero means failure, with
/// the message kept by the shim.
typedef ctorch_status (*ctorch_function)(void *context, ctorch_tensor first, ctorch_tensor second,
                                         ctorch_tensor *result);

/// Calls `function` without keeping what lies between; it is computed again for the gradients.
///
/// `context` is given back through `release` when it is not needed any more.
ctorch_status ctorch_recompute(ctorch_function function, void *context, void (*release)(void *),
                               ctorch_tensor first, ctorch_tensor second, ctorch_tensor *result);

#ifdef __cplusplus
}
#endif
