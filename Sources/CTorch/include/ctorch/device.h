#pragma once

#include <stdbool.h>

#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

/// The version of libtorch that the shim was compiled against, as "2.13.0".
const char *ctorch_version(void);

/// How many devices of a type ("cpu", "cuda", ...) libtorch can use now.
ctorch_status ctorch_device_count(const char *type, int32_t *result);
/// Opens a shared library for good, such as libtorch's CUDA part, which registers itself.
ctorch_status ctorch_load_library(const char *path);

int32_t ctorch_thread_count(void);
ctorch_status ctorch_set_thread_count(int32_t count);

#ifdef __cplusplus
}
#endif
