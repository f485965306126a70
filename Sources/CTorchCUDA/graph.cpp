#include "graph.h"

#include <ATen/core/CachingHostAllocator.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <memory>
#include <stdexcept>

#include "guard.h"

namespace dit {
namespace {

using at::cuda::CUDAGraph;

void run(ctorch_body body, void *context) {
  if (body(context) != 0) throw std::runtime_error("the computation to be recorded failed");
}

}  // namespace

ctorch_status capture(int32_t device, ctorch_body body, void *context, void **result) {
  return ctorch::guarded([&] {
    const auto index = static_cast<c10::DeviceIndex>(device);
    const c10::cuda::CUDAGuard on_device(index);
    c10::cuda::device_synchronize();
    // Recording needs a stream other than the default one. The first calls make the handles and
    // workspaces that libraries keep per stream.
    const auto stream = c10::cuda::getStreamFromPool(true, index);
    const c10::cuda::CUDAStreamGuard on_stream(stream);
    run(body, context);
    run(body, context);
    stream.synchronize();
    // A recording has its own memory: the memory of the first calls goes back to the device.
    c10::cuda::CUDACachingAllocator::emptyCache();
    auto graph = std::make_unique<CUDAGraph>();
    const auto pool = at::cuda::graph_pool_handle();
    try {
      graph->capture_begin(pool, cudaStreamCaptureModeThreadLocal);
      run(body, context);
    } catch (...) {
      // Ends the recording in any case; its own error matters less than the cause. If ending fails
      // too, the allocators would go on to use the memory of the recording.
      ctorch::guarded([&] { graph->capture_end(); });
      ctorch::guarded([&] { c10::cuda::CUDACachingAllocator::endAllocateToPool(index, pool); });
      ctorch::guarded([&] { at::getHostAllocator(at::kCUDA)->end_allocate_to_pool(pool); });
      throw;
    }
    graph->capture_end();
    stream.synchronize();
    *result = graph.release();
  });
}

ctorch_status replay(void *graph) {
  return ctorch::guarded([&] { static_cast<CUDAGraph *>(graph)->replay(); });
}

void release(void *graph) { delete static_cast<CUDAGraph *>(graph); }

}  // namespace dit
