#pragma once

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Begins forward-mode differentiation. Levels belong to the process; libtorch has one at a time.
ctorch_status ctorch_forward_mode_begin(uint64_t *level);
/// Ends it and forgets its derivatives.
ctorch_status ctorch_forward_mode_end(uint64_t level);

#ifdef __cplusplus
}
#endif
