#pragma once

#include "ctorch/cuda.h"

namespace dit {

ctorch_status capture(int32_t device, ctorch_body body, void *context, void **graph);
ctorch_status replay(void *graph);
void release(void *graph);

}  // namespace dit
