#pragma once

#ifdef __cplusplus
extern "C" {
#endif

/// Registers the operators `dit_emulated::...`: the GPU's `dit` operators, run on the processor.
void ctorch_testing_define_emulated(void);

/// The `impl` of a `ctorch_group` of one process. Like NCCL's, its work seems complete at once; it
/// takes tensors of any device.
void *ctorch_testing_prompt_group(void);

/// The number of threads in a loop of our kernels, with libtorch set to `threads`.
int ctorch_testing_team_size(int threads);

/// Whether a matrix product throws if one of its threads gets no memory. Afterwards the process has
/// no memory left and must end.
int ctorch_testing_starved_product(void);

#ifdef __cplusplus
}
#endif
