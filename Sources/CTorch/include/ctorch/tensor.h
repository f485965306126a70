#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

/// A reference to a libtorch tensor; `impl` is null for "no tensor".
typedef struct ctorch_tensor {
  void *impl;
} ctorch_tensor;

/// Element types, numbered like `c10::ScalarType` (asserted in tensor.cpp).
typedef enum ctorch_dtype : int8_t {
  CTORCH_UINT8 = 0,
  CTORCH_INT8 = 1,
  CTORCH_INT16 = 2,
  CTORCH_INT32 = 3,
  CTORCH_INT64 = 4,
  CTORCH_FLOAT16 = 5,
  CTORCH_FLOAT32 = 6,
  CTORCH_FLOAT64 = 7,
  CTORCH_BOOL = 11,
  CTORCH_BFLOAT16 = 15,
  CTORCH_FLOAT8_E5M2 = 23,
  CTORCH_FLOAT8_E4M3 = 24,
} ctorch_dtype;

/// A second reference to the same tensor.
ctorch_tensor ctorch_tensor_retain(ctorch_tensor tensor);
void ctorch_tensor_release(ctorch_tensor tensor);

int64_t ctorch_tensor_rank(ctorch_tensor tensor);
int64_t ctorch_tensor_count(ctorch_tensor tensor);
/// The sizes, `rank` of them; valid while the tensor lives and keeps its shape.
const int64_t *ctorch_tensor_sizes(ctorch_tensor tensor);
/// The strides in elements, `rank` of them; valid like the sizes.
const int64_t *ctorch_tensor_strides(ctorch_tensor tensor);
int8_t ctorch_tensor_dtype(ctorch_tensor tensor);
int64_t ctorch_tensor_element_size(ctorch_tensor tensor);
bool ctorch_tensor_is_contiguous(ctorch_tensor tensor);
bool ctorch_tensor_is_cpu(ctorch_tensor tensor);
/// Writes libtorch's spelling of the device to `text`, terminated.
void ctorch_tensor_device(ctorch_tensor tensor, char *text, size_t capacity);
/// The first element; null for tensors without storage or elements.
void *ctorch_tensor_data(ctorch_tensor tensor);

/// A CPU tensor over memory of the caller. `release(context)` runs with the release of the last
/// reference, or if this call fails.
ctorch_status ctorch_tensor_borrow(void *data, const int64_t *sizes, const int64_t *strides,
                                   int64_t rank, int8_t dtype, void *context,
                                   void (*release)(void *context), ctorch_tensor *result);

#ifdef __cplusplus
}
#endif
