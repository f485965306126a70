#include "ctorch/device.h"

#include <ATen/Parallel.h>
#include <c10/core/Device.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <dlfcn.h>
#include <torch/version.h>

#include "guard.h"

#if TORCH_VERSION_MAJOR != 2 || TORCH_VERSION_MINOR < 11 || TORCH_VERSION_MINOR > 13
#error "libtorch 2.11 to 2.13 is supported: point LIBTORCH at one, or run `make setup`"
#endif

const char *ctorch_version(void) { return TORCH_VERSION; }

ctorch_status ctorch_device_count(const char *type, int32_t *result) {
  return ctorch::guarded([&] {
    const auto kind = c10::Device(std::string(type)).type();
    *result = kind == c10::DeviceType::CPU ? 1
              : c10::impl::hasDeviceGuardImpl(kind)
                  ? c10::impl::getDeviceGuardImpl(kind)->deviceCount()
                  : 0;
  });
}

ctorch_status ctorch_load_library(const char *path) {
  return ctorch::guarded([&] {
    if (dlopen(path, RTLD_NOW | RTLD_GLOBAL) == nullptr) throw std::runtime_error(dlerror());
  });
}

int32_t ctorch_thread_count(void) { return at::get_num_threads(); }

ctorch_status ctorch_set_thread_count(int32_t count) {
  return ctorch::guarded([&] { at::set_num_threads(count); });
}
