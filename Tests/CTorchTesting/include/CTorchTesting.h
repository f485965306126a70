#pragma once

#ifdef __cplusplus
extern "C" {
#endif

/// What is behind the `ctorch_group` of one process whose work is complete as soon as it is asked
/// for, as that of NCCL looks to the processor; it takes tensors of any device.
void *ctorch_testing_prompt_group(void);

#ifdef __cplusplus
}
#endif
