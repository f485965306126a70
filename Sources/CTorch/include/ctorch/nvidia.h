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

/// The newest version of CUDA that the driver runs, 1000 major + 10 minor, and the number of GPUs
/// visible to this process. Needs no libtorch for CUDA; fails without a driver.
ctorch_status ctorch_nvidia_driver(int32_t *version, int32_t *count);
/// Describes a GPU.
ctorch_status ctorch_nvidia_gpu(int32_t index, ctorch_gpu *result);
/// The UUID in hexadecimal digits, terminated.
ctorch_status ctorch_nvidia_uuid(int32_t index, char text[33]);

#ifdef __cplusplus
}
#endif
