#include "ctorch/device.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/Device.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <dlfcn.h>
#include <torch/csrc/inductor/aoti_torch/c/shim.h>
#include <torch/version.h>

#include "guard.h"

#if TORCH_VERSION_MAJOR != 2 || TORCH_VERSION_MINOR < 11 || TORCH_VERSION_MINOR > 13
#error "libtorch 2.11 to 2.13 is supported: point LIBTORCH at one, or run `make setup`"
#endif

const char *ctorch_version(void) { return TORCH_VERSION; }

int32_t ctorch_loaded_version(void) {
  const uint64_t packed = aoti_torch_abi_version();  // one byte each, major first
  const auto part = [&](int place) { return static_cast<int32_t>(packed >> (8 * place) & 0xff); };
  return 10000 * part(7) + 100 * part(6) + part(5);
}

const char *ctorch_library_path(void) {
  static Dl_info info;
  const bool found = dladdr(dlsym(RTLD_DEFAULT, "aoti_torch_abi_version"), &info) != 0;
  return found && info.dli_fname != nullptr ? info.dli_fname : "";
}

const char *ctorch_kernel_set(void) {
  static const std::string name = at::get_cpu_capability();
  return name.c_str();
}

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

ctorch_status ctorch_device_synchronize(const char *device) {
  return ctorch::guarded([&] {
    const c10::Device target{std::string(device)};
    if (target.is_cpu()) return;
    const auto *guard = c10::impl::getDeviceGuardImpl(target.type());
    guard->synchronizeDevice(target.has_index() ? target.index() : guard->getDevice().index());
  });
}

ctorch_status ctorch_device_peak_memory(const char *device, bool reset, int64_t *result) {
  return ctorch::guarded([&] {
    const c10::Device target{std::string(device)};
    auto *allocator = c10::getDeviceAllocator(target.type());
    const auto index = target.has_index() ? target.index() : c10::DeviceIndex{0};
    *result = allocator->getDeviceStats(index).allocated_bytes[0].peak;  // of all pools
    if (reset) allocator->resetPeakStats(index);
  });
}

ctorch_status ctorch_allow_tf32(bool allowed) {
  return ctorch::guarded([&] {
    at::globalContext().setAllowTF32CuBLAS(allowed);
    at::globalContext().setAllowTF32CuDNN(allowed);
  });
}

int32_t ctorch_thread_count(void) { return at::get_num_threads(); }

ctorch_status ctorch_set_thread_count(int32_t count) {
  return ctorch::guarded([&] { at::set_num_threads(count); });
}

void ctorch_release_threads(void) {
  const int omp_pause_hard = 2;
  static const auto pause_all =
      reinterpret_cast<int (*)(int)>(dlsym(RTLD_DEFAULT, "omp_pause_resource_all"));
  if (pause_all != nullptr) pause_all(omp_pause_hard);
}
