#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Zero for success. Anything else: `ctorch_last_error` says what went wrong.
typedef int32_t ctorch_status;

/// The message of the last failed call on this thread; owned by the shim, valid until the next one.
const char *ctorch_last_error(void);
/// Says why a function that the shim called has failed, before it returns.
void ctorch_set_last_error(const char *message);

#ifdef __cplusplus
}
#endif
