#pragma once

#ifdef __cplusplus
extern "C" {
#endif

/// Defines the operators `dit_emulated::...`: those of `dit` as they are on a GPU, on the
/// processor.
void ctorch_testing_define_emulated(void);

/// What is behind the `ctorch_group` of one process whose work is complete as soon as it is asked
/// for, as that of NCCL looks to the processor; it takes tensors of any device.
void *ctorch_testing_prompt_group(void);

/// How many threads take part in a loop of our kernels, where libtorch is to use so many.
int ctorch_testing_team_size(int threads);

/// Whether a matrix product throws where one of its threads finds no memory. The process has none
/// from then on: only for one that ends.
int ctorch_testing_starved_product(void);

#ifdef __cplusplus
}
#endif
