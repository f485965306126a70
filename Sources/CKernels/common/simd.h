#pragma once

// DIT_CLONES compiles a function for each instruction set; the loader picks the best one for the
// processor. The compiler vectorizes the loops. Helpers are marked DIT_INLINE, so that they are
// compiled with the caller. DIT_WIDE functions use 512-bit vectors: call them only if
// `ckernels_has_avx512()`.
#if defined(__x86_64__)
#define DIT_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#define DIT_WIDE __attribute__((target("arch=x86-64-v4"), min_vector_width(512)))
#else
#define DIT_CLONES
#define DIT_WIDE
#endif

#define DIT_INLINE static inline __attribute__((always_inline))
