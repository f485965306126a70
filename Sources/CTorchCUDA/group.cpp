// Collectives of processes with one GPU each, by libtorch's c10d and NCCL.

#include "group.h"

#include "guard.h"

#if __has_include(<nccl.h>) && __has_include(<nv/target>)

#define USE_C10D_NCCL
#include <c10/cuda/CUDAGuard.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

#include <chrono>
#include <cstdlib>

namespace dit {

bool has_groups() { return true; }

ctorch_status join_group(void *store, int32_t rank, int32_t size, int32_t device,
                         int64_t milliseconds, void **result) {
  return ctorch::guarded([&] {
    // After the loss of a rank a waiting call must fail, as with Gloo. Otherwise a thread of NCCL's
    // group ends the program.
    setenv("TORCH_NCCL_BLOCKING_WAIT", "1", 0);
    const c10::Device place(c10::kCUDA, static_cast<c10::DeviceIndex>(device));
    const c10::cuda::CUDAGuard on_device(place);
    auto options = c10d::ProcessGroupNCCL::Options::create();
    options->timeout = std::chrono::milliseconds(milliseconds);
    const auto shared =
        c10::intrusive_ptr<c10d::Store>::reclaim_copy(static_cast<c10d::Store *>(store));
    auto group = c10::make_intrusive<c10d::ProcessGroupNCCL>(
        c10::make_intrusive<c10d::PrefixStore>("nccl", shared), rank, size, options);
    group->setBoundDeviceId(place);
    group->eagerConnectSingleDevice(place);
    c10::intrusive_ptr<c10d::Backend> backend = group;
    *result = backend.release();
  });
}

}  // namespace dit

#else

#include <stdexcept>

namespace dit {

bool has_groups() { return false; }

ctorch_status join_group(void *, int32_t, int32_t, int32_t, int64_t, void **) {
  return ctorch::guarded([] {
    throw std::runtime_error("libdit_cuda.so was built where NCCL's headers were missing");
  });
}

}  // namespace dit

#endif
