#pragma once

#include "ctorch/cuda.h"

namespace dit {

/// Whether this library was built with NCCL.
bool has_groups();
/// Joins an NCCL group, as `ctorch_group_create_cuda` describes.
ctorch_status join_group(void *store, int32_t rank, int32_t size, int32_t device,
                         int64_t milliseconds, void **result);

}  // namespace dit
