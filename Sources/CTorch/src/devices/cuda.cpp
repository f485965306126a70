#include "ctorch/cuda.h"

#include <dlfcn.h>

#include <stdexcept>
#include <string>

#include "ctorch/device.h"
#include "guard.h"

namespace {

const ctorch_cuda_functions *functions = nullptr;

const ctorch_cuda_functions &opened() {
  if (functions == nullptr)
    throw std::runtime_error("our library for CUDA, libdit_cuda.so, is not open");
  return *functions;
}

void check(ctorch_status status) {
  if (status != 0) throw std::runtime_error(functions->last_error());
}

}  // namespace

ctorch_status ctorch_cuda_open(const char *path) {
  return ctorch::guarded([&] {
    if (functions != nullptr) return;
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) throw std::runtime_error(dlerror());
    const auto table =
        reinterpret_cast<const ctorch_cuda_functions *(*)()>(dlsym(library, "ctorch_cuda_table"));
    if (table == nullptr) throw std::runtime_error("it is not the library of this program");
    if (table()->layout != CTORCH_CUDA_LAYOUT || table()->libtorch != ctorch_loaded_version()) {
      throw std::runtime_error("it was built for another libtorch or program");
    }
    functions = table();
  });
}

bool ctorch_cuda_is_open(void) { return functions != nullptr; }

bool ctorch_cuda_has_groups(void) { return functions != nullptr && functions->has_groups(); }

ctorch_status ctorch_graph_capture(int32_t device, ctorch_body body, void *context,
                                   ctorch_graph *result) {
  return ctorch::guarded([&] { check(opened().capture(device, body, context, &result->impl)); });
}

ctorch_status ctorch_graph_replay(ctorch_graph graph) {
  return ctorch::guarded([&] { check(opened().replay(graph.impl)); });
}

void ctorch_graph_release(ctorch_graph graph) {
  if (functions != nullptr) functions->release(graph.impl);
}

ctorch_status ctorch_group_create_cuda(ctorch_store store, int32_t rank, int32_t size,
                                       int32_t device, int64_t milliseconds, ctorch_group *result) {
  return ctorch::guarded([&] {
    check(opened().join_group(store.impl, rank, size, device, milliseconds, &result->impl));
  });
}
