#pragma once

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Whether the operators of this target are part of the build. Without them only this header's
/// functions are there.
bool ckernels_are_built(void);

// What the processor has, for the choice of a kernel.

/// AVX-512 as x86-64-v4 has it.
bool ckernels_has_avx512(void);

/// AVX2 and FMA, and nothing wider.
bool ckernels_has_avx2_only(void);

/// Whether our float32 matrix products are faster than libtorch's, which are MKL's: with AVX2, and
/// with AVX-512 on processors not made by Intel.
bool ckernels_prefers_own_products(void);

/// Products of bfloat16 (AVX512_BF16; every processor with AMX has it).
bool ckernels_has_avx512_bf16(void);

/// Arithmetic in float16 (AVX512_FP16).
bool ckernels_has_avx512_fp16(void);

/// Products of 8-bit integers, summed in 32 bits (AVX512_VNNI).
bool ckernels_has_avx512_vnni(void);

#ifdef __cplusplus
}
#endif
