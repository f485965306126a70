#pragma once

// A function marked DIT_CLONES is compiled once for each instruction set, and the loader picks the
// best that the processor has. Bodies are plain loops that the compiler vectorizes; helpers that
// they call are marked DIT_INLINE, so that they are compiled along. A function marked DIT_WIDE has
// vectors of 512 bits, for which other processors have too few registers: it is called only where
// `ckernels_has_avx512()`.
#if defined(__x86_64__)
#define DIT_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#define DIT_WIDE __attribute__((target("arch=x86-64-v4"), min_vector_width(512)))
#else
#define DIT_CLONES
#define DIT_WIDE
#endif

#define DIT_INLINE static inline __attribute__((always_inline))
