#pragma once

#include <stdbool.h>

#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

/// The version of libtorch that this was compiled against, such as "2.13.0".
const char *ctorch_version(void);
/// The version of the loaded libtorch, 10000 major + 100 minor + patch.
int32_t ctorch_loaded_version(void);
/// The file of the loaded libtorch; empty if the loader does not tell.
const char *ctorch_library_path(void);
/// The instruction set of libtorch's kernels on this processor, such as "AVX2".
const char *ctorch_kernel_set(void);

/// The number of usable devices of a type ("cpu", "cuda", ...).
ctorch_status ctorch_device_count(const char *type, int32_t *result);
/// Opens a shared library for good, such as libtorch's CUDA part. It registers itself.
ctorch_status ctorch_load_library(const char *path);

/// Waits until a device ("cpu", "cuda:0", ...) has finished all its work.
ctorch_status ctorch_device_synchronize(const char *device);
/// The peak bytes of tensors on a device, not the processor, since the last call with `reset`.
ctorch_status ctorch_device_peak_memory(const char *device, bool reset, int64_t *result);

/// Allows or forbids TF32 (10 mantissa bits) in float32 products and convolutions of GPUs.
ctorch_status ctorch_allow_tf32(bool allowed);

int32_t ctorch_thread_count(void);
ctorch_status ctorch_set_thread_count(int32_t count);
/// Ends the threads of OpenMP that wait for work of the calling thread, if its library can.
void ctorch_release_threads(void);

#ifdef __cplusplus
}
#endif
