#pragma once

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Computes one tensor from two; the caller owns the result. Non-zero means failure, with a message
/// by `ctorch_set_last_error`.
typedef ctorch_status (*ctorch_function)(void *context, ctorch_tensor first, ctorch_tensor second,
                                         ctorch_tensor *result);

/// Calls `function` without keeping intermediate results; the backward pass calls it again.
///
/// `release` is called with `context` when it is not needed any more.
ctorch_status ctorch_recompute(ctorch_function function, void *context, void (*release)(void *),
                               ctorch_tensor first, ctorch_tensor second, ctorch_tensor *result);

#ifdef __cplusplus
}
#endif
