#pragma once

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/// A reference to a libtorch generator.
typedef struct ctorch_generator {
  void *impl;
} ctorch_generator;

/// A new generator on a device ("cpu", "cuda:0", ...).
ctorch_status ctorch_generator_create(const char *device, uint64_t seed, ctorch_generator *result);
void ctorch_generator_release(ctorch_generator generator);
/// The state as a byte tensor, and back.
ctorch_status ctorch_generator_state(ctorch_generator generator, ctorch_tensor *result);
ctorch_status ctorch_generator_set_state(ctorch_generator generator, ctorch_tensor state);

#ifdef __cplusplus
}
#endif
