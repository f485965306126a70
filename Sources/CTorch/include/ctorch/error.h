#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Zero for success; otherwise `ctorch_last_error` has the message.
typedef int32_t ctorch_status;

/// The message of the last failed call on this thread, valid until the next one.
const char *ctorch_last_error(void);
/// Sets the message of a callback that is about to fail.
void ctorch_set_last_error(const char *message);

#ifdef __cplusplus
}
#endif
