#pragma once

#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

/// An NVIDIA GPU as its driver describes it.
typedef struct ctorch_gpu {
  char name[256];
  int64_t memory;  // bytes
  int32_t major;   // of the compute capability
  int32_t minor;
  int32_t multiprocessors;
} ctorch_gpu;

/// The newest version of CUDA that the driver runs, as 1000 major + 10 minor, and how many GPUs it
/// lets this process use. Needs no libtorch of CUDA; fails where there is no driver.
ctorch_status ctorch_nvidia_driver(int32_t *version, int32_t *count);
/// One of them.
ctorch_status ctorch_nvidia_gpu(int32_t index, ctorch_gpu *result);
/// The number that no other GPU has, in hexadecimal digits and terminated.
ctorch_status ctorch_nvidia_uuid(int32_t index, char text[33]);

#ifdef __cplusplus
}
#endif
