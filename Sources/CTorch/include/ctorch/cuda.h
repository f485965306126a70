#pragma once

#include <stdbool.h>

#include "distributed.h"
#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

// Classes of libtorch's CUDA part (graphs, NCCL) and our CUDA kernels are in a library of their
// own, built from Sources/CTorchCUDA and opened when a GPU is used. Without it plain operators are
// used.

/// A computation on the current stream; non-zero means failure.
typedef ctorch_status (*ctorch_body)(void *context);

/// The functions of the library, returned by its `ctorch_cuda_table`.
typedef struct ctorch_cuda_functions {
  int32_t layout;  // CTORCH_CUDA_LAYOUT at build time: the version of this table and the operators
  int32_t libtorch;  // as 10000 major + 100 minor + patch
  const char *(*last_error)(void);
  ctorch_status (*capture)(int32_t device, ctorch_body body, void *context, void **graph);
  ctorch_status (*replay)(void *graph);
  void (*release)(void *graph);
  ctorch_status (*join_group)(void *store, int32_t rank, int32_t size, int32_t device,
                              int64_t milliseconds, void **group);
  bool (*has_groups)(void);  // whether it was built with NCCL, for join_group
} ctorch_cuda_functions;

enum { CTORCH_CUDA_LAYOUT = 4 };

/// Opens the library for good; it registers its operators. Open libtorch's CUDA part first.
ctorch_status ctorch_cuda_open(const char *path);
/// Whether the library is open.
bool ctorch_cuda_is_open(void);
/// Whether the library is open and was built with NCCL.
bool ctorch_cuda_has_groups(void);

/// A recorded sequence of kernels.
typedef struct ctorch_graph {
  void *impl;
} ctorch_graph;

/// Calls `body` twice to warm up, then once more to record its kernels.
ctorch_status ctorch_graph_capture(int32_t device, ctorch_body body, void *context,
                                   ctorch_graph *result);
/// Runs the recorded kernels again, with the same buffers.
ctorch_status ctorch_graph_replay(ctorch_graph graph);
void ctorch_graph_release(ctorch_graph graph);

/// Joins the NCCL group of `size` processes with one GPU each. Waits for all.
ctorch_status ctorch_group_create_cuda(ctorch_store store, int32_t rank, int32_t size,
                                       int32_t device, int64_t milliseconds, ctorch_group *result);

#ifdef __cplusplus
}
#endif
