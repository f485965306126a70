// NVRTC and the driver are opened by name: the one lies beside CUDA's runtime, the other on every
// machine with a GPU, and neither has to be there for linking.

#include "runtime_compiler.h"

#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAStream.h>
#include <c10/util/Exception.h>
#include <cuda_runtime_api.h>
#include <dlfcn.h>

#include <map>
#include <mutex>
#include <utility>

namespace dit {
namespace {

/// The part of NVRTC's interface that is used. A program is opaque; a result of 0 is success.
struct NVRTC {
  using Program = void *;
  int (*version)(int *major, int *minor);
  int (*create)(Program *, const char *source, const char *name, int header_count,
                const char *const *headers, const char *const *header_names);
  int (*compile)(Program, int option_count, const char *const *options);
  int (*log_size)(Program, size_t *);
  int (*log)(Program, char *);
  int (*cubin_size)(Program, size_t *);
  int (*cubin)(Program, char *);
  int (*destroy)(Program *);
};

struct DriverFunctions {
  decltype(&cuModuleLoadData) load;
  decltype(&cuModuleGetFunction) find;
  decltype(&cuLaunchKernel) launch;
};

/// Opens a library from the folder of the one that holds `neighbor`, or by name.
void *opened(const std::string &name, void *neighbor) {
  Dl_info info;
  if (dladdr(neighbor, &info) != 0) {
    const std::string path = info.dli_fname;
    const std::string beside = path.substr(0, path.find_last_of('/') + 1) + name;
    if (void *library = dlopen(beside.c_str(), RTLD_NOW | RTLD_LOCAL)) return library;
  }
  if (void *library = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL)) return library;
  TORCH_CHECK(false, "kernels cannot be compiled: ", dlerror());
}

template <typename Function>
void find(void *library, const char *symbol, Function &function) {
  function = reinterpret_cast<Function>(dlsym(library, symbol));
  TORCH_CHECK(function != nullptr, "kernels cannot be compiled: there is no ", symbol);
}

const NVRTC &compiler() {
  static const NVRTC functions = [] {
    NVRTC result;
    void *library = opened("libnvrtc.so." + std::to_string(CUDART_VERSION / 1000),
                           reinterpret_cast<void *>(&cudaRuntimeGetVersion));
    find(library, "nvrtcVersion", result.version);
    find(library, "nvrtcCreateProgram", result.create);
    find(library, "nvrtcCompileProgram", result.compile);
    find(library, "nvrtcGetProgramLogSize", result.log_size);
    find(library, "nvrtcGetProgramLog", result.log);
    find(library, "nvrtcGetCUBINSize", result.cubin_size);
    find(library, "nvrtcGetCUBIN", result.cubin);
    find(library, "nvrtcDestroyProgram", result.destroy);
    // NVRTC opens this one by name, which need not be where the loader looks.
    int major = 0, minor = 0;
    result.version(&major, &minor);
    opened("libnvrtc-builtins.so." + std::to_string(major) + "." + std::to_string(minor),
           reinterpret_cast<void *>(result.version));
    return result;
  }();
  return functions;
}

const DriverFunctions &driver() {
  static const DriverFunctions functions = [] {
    DriverFunctions result;
    void *library = opened("libcuda.so.1", nullptr);
    find(library, "cuModuleLoadData", result.load);
    find(library, "cuModuleGetFunction", result.find);
    find(library, "cuLaunchKernel", result.launch);
    return result;
  }();
  return functions;
}

/// Machine code for the current device.
std::string compiled(const std::string &source, const std::vector<std::string> &definitions,
                     int device) {
  int major = 0, minor = 0;
  cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device);
  cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device);
  std::vector<std::string> options = {"--gpu-architecture=sm_" + std::to_string(10 * major + minor),
                                      "--std=c++17"};
  for (const std::string &definition : definitions) options.push_back("-D" + definition);
  std::vector<const char *> pointers;
  for (const std::string &option : options) pointers.push_back(option.c_str());

  const NVRTC &nvrtc = compiler();
  NVRTC::Program program = nullptr;
  TORCH_CHECK(nvrtc.create(&program, source.c_str(), "dit.cu", 0, nullptr, nullptr) == 0,
              "NVRTC does not start");
  std::string text;
  size_t size = 0;
  const bool done = nvrtc.compile(program, static_cast<int>(pointers.size()), pointers.data()) == 0;
  if (done && nvrtc.cubin_size(program, &size) == 0) {
    text.resize(size);
    nvrtc.cubin(program, text.data());
  } else if (nvrtc.log_size(program, &size) == 0) {
    text.resize(size);
    nvrtc.log(program, text.data());
  }
  nvrtc.destroy(&program);
  TORCH_CHECK(done, "NVRTC: ", text);
  return text;
}

}  // namespace

RuntimeCompiler::RuntimeCompiler(std::string source, std::string name)
    : source_(std::move(source)), name_(std::move(name)) {}

CUfunction RuntimeCompiler::function(int device,
                                     const std::vector<std::string> &definitions) const {
  using Key = std::pair<int, std::pair<std::string, std::vector<std::string>>>;
  static std::mutex mutex;
  static std::map<Key, CUfunction> functions;
  const std::lock_guard<std::mutex> lock(mutex);
  CUfunction &function = functions[{device, {name_, definitions}}];
  if (function != nullptr) return function;
  const std::string code = compiled(source_, definitions, device);
  CUmodule module = nullptr;
  const CUresult loaded = driver().load(&module, code.data());
  TORCH_CHECK(loaded == CUDA_SUCCESS, "the driver does not load a kernel: error ", int{loaded});
  const CUresult found = driver().find(&function, module, name_.c_str());
  TORCH_CHECK(found == CUDA_SUCCESS, "the driver does not find a kernel: error ", int{found});
  return function;
}

void RuntimeCompiler::launch(const std::vector<std::string> &definitions, unsigned blocks,
                             unsigned threads, void **arguments) const {
  const auto stream = c10::cuda::getCurrentCUDAStream();
  const CUresult result = driver().launch(function(stream.device_index(), definitions), blocks, 1,
                                          1, threads, 1, 1, 0, stream.stream(), arguments, nullptr);
  TORCH_CHECK(result == CUDA_SUCCESS, "the driver does not start a kernel: error ", int{result});
}

}  // namespace dit
