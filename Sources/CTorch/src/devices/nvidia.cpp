// Asks the driver directly, which also finds GPUs that libtorch cannot use.

#include "ctorch/nvidia.h"

#include <dlfcn.h>

#include <cstdio>
#include <stdexcept>
#include <string>

#include "guard.h"

namespace {

/// CUresult and CUdevice are ints in the driver's interface.
struct Driver {
  int (*initialize)(unsigned flags);
  int (*version)(int *version);
  int (*count)(int *count);
  int (*device)(int *device, int index);
  int (*name)(char *text, int capacity, int device);
  int (*memory)(size_t *bytes, int device);
  int (*attribute)(int *value, int attribute, int device);
  int (*uuid)(unsigned char bytes[16], int device);
  int (*message)(int code, const char **text);

  static constexpr const char *file = "libcuda.so.1";
  static constexpr int multiprocessors = 16, major = 75, minor = 76;  // CUdevice_attribute

  void check(int code, const char *what) const {
    if (code == 0) return;
    const char *text = nullptr;
    if (message(code, &text) != 0 || text == nullptr) text = "unknown error";
    throw std::runtime_error(std::string("the NVIDIA driver, ") + what + ": " + text);
  }

  static const Driver &shared() {
    static const Driver driver;
    return driver;
  }

 private:
  Driver() {
    void *library = dlopen(file, RTLD_NOW | RTLD_GLOBAL);
    if (library == nullptr) {
      throw std::runtime_error(std::string("no NVIDIA driver was found (") + dlerror() + ")");
    }
    find(library, "cuInit", initialize);
    find(library, "cuDriverGetVersion", version);
    find(library, "cuDeviceGetCount", count);
    find(library, "cuDeviceGet", device);
    find(library, "cuDeviceGetName", name);
    find(library, "cuDeviceTotalMem_v2", memory);
    find(library, "cuDeviceGetAttribute", attribute);
    // Without a version suffix: the UUID of the whole GPU, even if the process sees a part of it.
    find(library, "cuDeviceGetUuid", uuid);
    find(library, "cuGetErrorString", message);
    check(initialize(0), "starting");
  }

  template <typename Function>
  static void find(void *library, const char *symbol, Function &function) {
    function = reinterpret_cast<Function>(dlsym(library, symbol));
    if (function == nullptr) {
      throw std::runtime_error(std::string("the NVIDIA driver (") + file + ") has no " + symbol);
    }
  }
};

}  // namespace

ctorch_status ctorch_nvidia_driver(int32_t *version, int32_t *count) {
  return ctorch::guarded([&] {
    const Driver &driver = Driver::shared();
    driver.check(driver.version(version), "reading its version");
    driver.check(driver.count(count), "counting GPUs");
  });
}

ctorch_status ctorch_nvidia_gpu(int32_t index, ctorch_gpu *result) {
  return ctorch::guarded([&] {
    const Driver &driver = Driver::shared();
    const auto check = [&](int code) { driver.check(code, "describing a GPU"); };
    int device = 0;
    size_t memory = 0;
    check(driver.device(&device, index));
    check(driver.name(result->name, sizeof result->name, device));
    check(driver.memory(&memory, device));
    check(driver.attribute(&result->major, Driver::major, device));
    check(driver.attribute(&result->minor, Driver::minor, device));
    check(driver.attribute(&result->multiprocessors, Driver::multiprocessors, device));
    result->memory = static_cast<int64_t>(memory);
  });
}

ctorch_status ctorch_nvidia_uuid(int32_t index, char text[33]) {
  return ctorch::guarded([&] {
    const Driver &driver = Driver::shared();
    int device = 0;
    unsigned char bytes[16];
    driver.check(driver.device(&device, index), "finding a GPU");
    driver.check(driver.uuid(bytes, device), "identifying a GPU");
    for (int i = 0; i < 16; ++i) std::snprintf(text + 2 * i, 3, "%02x", bytes[i]);
  });
}
