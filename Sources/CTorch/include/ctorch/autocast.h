#pragma once

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Makes operators on this thread compute in `dtype` where that is safe, on devices of `type`
/// ("cpu", "cuda"). Calls nest.
ctorch_status ctorch_autocast_begin(const char *type, int8_t dtype);
/// Ends the innermost of them.
ctorch_status ctorch_autocast_end(const char *type);

#ifdef __cplusplus
}
#endif
