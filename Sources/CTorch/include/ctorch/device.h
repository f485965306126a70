#pragma once

#include <stdbool.h>

#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

/// The version of libtorch that the shim was compiled against, as "2.13.0".
const char *ctorch_version(void);
/// The version of libtorch that is loaded, as 10000 major + 100 minor + patch.
int32_t ctorch_loaded_version(void);
/// The file that libtorch was loaded from; empty where the loader does not say.
const char *ctorch_library_path(void);
/// The instruction set that libtorch's own kernels were chosen for, as "AVX2".
const char *ctorch_kernel_set(void);

/// How many devices of a type ("cpu", "cuda", ...) libtorch can use now.
ctorch_status ctorch_device_count(const char *type, int32_t *result);
/// Opens a shared library for good, such as libtorch's CUDA part, which registers itself.
ctorch_status ctorch_load_library(const char *path);

/// Waits until a device ("cpu", "cuda:0", ...) has done all that was asked of it.
ctorch_status ctorch_device_synchronize(const char *device);
/// The most bytes that tensors took on a device that is not the processor, since the last time this
/// was asked with `reset`.
ctorch_status ctorch_device_peak_memory(const char *device, bool reset, int64_t *result);

/// Whether a GPU may compute products and convolutions of float32 in TF32, which has 10 bits of
/// mantissa.
ctorch_status ctorch_allow_tf32(bool allowed);

int32_t ctorch_thread_count(void);
ctorch_status ctorch_set_thread_count(int32_t count);

#ifdef __cplusplus
}
#endif
