#pragma once

#include <stdbool.h>

#include "distributed.h"
#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

// What is C++ of libtorch's CUDA part and no operator lies in a library of its own, built from
// Sources/CTorchCUDA where CUDA's headers are, and opened when a GPU is used. Without it everything
// runs on plain operators, one by one.

/// Computes something on the current stream; non-zero means failure.
typedef ctorch_status (*ctorch_body)(void *context);

/// What that library offers, in a function `ctorch_cuda_table`.
typedef struct ctorch_cuda_functions {
  int32_t layout;    // CTORCH_CUDA_LAYOUT when it was built: of this table and of the operators
  int32_t libtorch;  // as 10000 major + 100 minor + patch
  const char *(*last_error)(void);
  ctorch_status (*capture)(int32_t device, ctorch_body body, void *context, void **graph);
  ctorch_status (*replay)(void *graph);
  void (*release)(void *graph);
  ctorch_status (*join_group)(void *store, int32_t rank, int32_t size, int32_t device,
                              int64_t milliseconds, void **group);
  bool (*has_groups)(void);  // whether it was built with NCCL, which join_group needs
} ctorch_cuda_functions;

enum { CTORCH_CUDA_LAYOUT = 4 };

/// Opens that library, for good; it registers its operators. libtorch's CUDA part is open already.
ctorch_status ctorch_cuda_open(const char *path);
/// Whether it is open.
bool ctorch_cuda_is_open(void);
/// Whether it is open and has groups of GPUs.
bool ctorch_cuda_has_groups(void);

/// A recorded sequence of kernels.
typedef struct ctorch_graph {
  void *impl;
} ctorch_graph;

/// Calls `body` twice to warm up, then once more to record what it asks of the device.
ctorch_status ctorch_graph_capture(int32_t device, ctorch_body body, void *context,
                                   ctorch_graph *result);
/// Does again what was recorded, with the same buffers.
ctorch_status ctorch_graph_replay(ctorch_graph graph);
void ctorch_graph_release(ctorch_graph graph);

/// Joins the NCCL group of `size` processes, each with a GPU of its own. Waits for all.
ctorch_status ctorch_group_create_cuda(ctorch_store store, int32_t rank, int32_t size,
                                       int32_t device, int64_t milliseconds, ctorch_group *result);

#ifdef __cplusplus
}
#endif
