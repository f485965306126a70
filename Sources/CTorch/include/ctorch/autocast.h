#pragma once

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Begins mixed precision on this thread: on devices of `type` ("cpu", "cuda"), operators for which
/// it is safe compute in `dtype`. Calls nest.
ctorch_status ctorch_autocast_begin(const char *type, int8_t dtype);
/// Ends the innermost mixed precision.
ctorch_status ctorch_autocast_end(const char *type);

#ifdef __cplusplus
}
#endif
