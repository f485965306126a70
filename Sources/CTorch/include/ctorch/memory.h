#pragma once

#ifdef __cplusplus
extern "C" {
#endif

/// Makes the C library keep freed memory, and libtorch put large blocks in large pages. To be
/// called before the first tensor is made.
void ctorch_prepare_memory(void);

#ifdef __cplusplus
}
#endif
