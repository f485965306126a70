#pragma once

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Whether the processor multiplies matrices in AVX-512 or AMX registers.
bool ctorch_has_wide_vectors(void);

#ifdef __cplusplus
}
#endif
