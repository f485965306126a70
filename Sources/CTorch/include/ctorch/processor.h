#pragma once

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Whether the processor multiplies matrices in AVX-512 or AMX registers (x86-64-v4).
bool ctorch_has_wide_vectors(void);

/// Whether our own matrix products in float32 are faster here than libtorch's, which are MKL's: in
/// AVX2, and in AVX-512 on processors other than Intel's.
bool ctorch_has_fast_products(void);

/// Whether AVX2 is the widest that the processor multiplies in.
bool ctorch_is_limited_to_avx2(void);

/// Whether the processor multiplies bfloat16 in hardware (AVX512_BF16; every processor with AMX has
/// it).
bool ctorch_has_bfloat16(void);

/// Whether the processor computes with float16 in hardware (AVX512_FP16).
bool ctorch_has_float16(void);

/// Whether the processor multiplies 8-bit integers and adds up the products in 32 bits
/// (AVX512_VNNI).
bool ctorch_has_vnni(void);

/// From now on the C library keeps freed memory instead of giving it back to the system, and
/// libtorch's large blocks lie in large pages. To be called before the first tensor is made.
void ctorch_prepare_memory(void);

#ifdef __cplusplus
}
#endif
