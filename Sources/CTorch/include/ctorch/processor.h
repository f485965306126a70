#pragma once

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Whether the processor multiplies matrices in AVX-512 or AMX registers.
bool ctorch_has_wide_vectors(void);

/// Whether the processor multiplies bfloat16 in hardware (AVX512_BF16; every processor with AMX has
/// it).
bool ctorch_has_bfloat16(void);

#ifdef __cplusplus
}
#endif
