// NVRTC and the driver are opened by name: NVRTC is next to CUDA's runtime, the driver on every
// machine with a GPU. Neither is needed for linking.

#include "runtime_compiler.h"

#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAStream.h>
#include <c10/util/Exception.h>
#include <cuda.h>
#include <cuda_runtime_api.h>
#include <dlfcn.h>

#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "kernel_sources.h"

namespace dit {
namespace {

/// The used part of NVRTC's interface. A program is opaque; a result of 0 is success.
struct NVRTC {
  using Program = void *;
  int (*version)(int *major, int *minor);
  int (*create)(Program *, const char *source, const char *name, int header_count,
                const char *const *headers, const char *const *header_names);
  int (*add_name)(Program, const char *name);
  int (*compile)(Program, int option_count, const char *const *options);
  int (*log_size)(Program, size_t *);
  int (*log)(Program, char *);
  int (*cubin_size)(Program, size_t *);
  int (*cubin)(Program, char *);
  int (*lowered_name)(Program, const char *name, const char **lowered);
  int (*destroy)(Program *);
};

struct DriverFunctions {
  decltype(&cuCtxGetCurrent) context;
  decltype(&cuModuleLoadData) load;
  decltype(&cuModuleGetFunction) find;
  decltype(&cuLaunchKernel) launch;
};

/// Opens a library in the folder of the library of `neighbor`, or by name.
void *opened(const std::string &name, void *neighbor) {
  Dl_info info;
  if (dladdr(neighbor, &info) != 0) {
    const std::string path = info.dli_fname;
    const std::string folder = path.substr(0, path.find_last_of('/') + 1);
    // NVIDIA's packages for CUDA 12 have one folder per library.
    for (const std::string &beside : {folder, folder + "../../cuda_nvrtc/lib/"}) {
      if (void *library = dlopen((beside + name).c_str(), RTLD_NOW | RTLD_LOCAL)) return library;
    }
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
    find(library, "nvrtcAddNameExpression", result.add_name);
    find(library, "nvrtcCompileProgram", result.compile);
    find(library, "nvrtcGetProgramLogSize", result.log_size);
    find(library, "nvrtcGetProgramLog", result.log);
    find(library, "nvrtcGetCUBINSize", result.cubin_size);
    find(library, "nvrtcGetCUBIN", result.cubin);
    find(library, "nvrtcGetLoweredName", result.lowered_name);
    find(library, "nvrtcDestroyProgram", result.destroy);
    // NVRTC opens this one by name; the loader may not search its folder.
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
    find(library, "cuCtxGetCurrent", result.context);
    find(library, "cuModuleLoadData", result.load);
    find(library, "cuModuleGetFunction", result.find);
    find(library, "cuLaunchKernel", result.launch);
    return result;
  }();
  return functions;
}

/// Machine code, with the kernel's name in it.
struct Code {
  std::string bytes;
  std::string symbol;
};

/// NVRTC's log of a program.
std::string log_of(NVRTC::Program program) {
  std::string text;
  size_t size = 0;
  if (compiler().log_size(program, &size) != 0) return text;
  text.resize(size);
  compiler().log(program, text.data());
  return text;
}

/// Compiles a kernel for a device.
Code compiled(const std::string &file, const std::string &name, int device) {
  int major = 0, minor = 0;
  cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device);
  cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device);
  const std::string architecture = "--gpu-architecture=sm_" + std::to_string(10 * major + minor);
  const char *const options[] = {architecture.c_str(), "--std=c++17",
                                 "--device-as-default-execution-space"};

  std::vector<const char *> texts, names;
  const char *source = nullptr;
  for (const KernelSource &part : kKernelSources) {
    texts.push_back(part.text);
    names.push_back(part.name);
    if (part.name == file) source = part.text;
  }
  TORCH_CHECK(source != nullptr, "there is no file of kernels ", file);

  const NVRTC &nvrtc = compiler();
  NVRTC::Program program = nullptr;
  TORCH_CHECK(nvrtc.create(&program, source, file.c_str(), static_cast<int>(texts.size()),
                           texts.data(), names.data()) == 0,
              "NVRTC does not start");
  Code code;
  size_t size = 0;
  const char *symbol = nullptr;
  const bool done = nvrtc.add_name(program, name.c_str()) == 0 &&
                    nvrtc.compile(program, std::size(options), options) == 0 &&
                    nvrtc.cubin_size(program, &size) == 0 &&
                    nvrtc.lowered_name(program, name.c_str(), &symbol) == 0;
  const std::string message = done ? "" : log_of(program);
  if (done) {
    code.bytes.resize(size);
    nvrtc.cubin(program, code.bytes.data());
    code.symbol = symbol;
  }
  nvrtc.destroy(&program);
  TORCH_CHECK(done, "NVRTC does not compile ", name, " for ", architecture, ": ", message);
  return code;
}

/// Gives this thread a context of the driver. CUDA's runtime does so at a thread's first call,
/// which threads of autograd may not have made.
void enter_context(int device) {
  CUcontext context = nullptr;
  const CUresult result = driver().context(&context);
  if (result == CUDA_SUCCESS && context != nullptr) return;
  const cudaError_t error = cudaSetDevice(device);
  TORCH_CHECK(error == cudaSuccess, "CUDA device ", device, ": ", cudaGetErrorString(error));
}

/// The kernel, compiled and loaded at the first call.
CUfunction function(const std::string &file, const std::string &name, int device) {
  static std::mutex mutex;
  static std::map<std::pair<int, std::string>, CUfunction> functions;
  const std::lock_guard<std::mutex> lock(mutex);
  CUfunction &function = functions[{device, name}];
  if (function != nullptr) return function;
  const Code code = compiled(file, name, device);
  CUmodule module = nullptr;
  const CUresult loaded = driver().load(&module, code.bytes.data());
  TORCH_CHECK(loaded == CUDA_SUCCESS, "the driver does not load a kernel: error ", int{loaded});
  const CUresult found = driver().find(&function, module, code.symbol.c_str());
  TORCH_CHECK(found == CUDA_SUCCESS, "the driver does not find a kernel: error ", int{found});
  return function;
}

}  // namespace

void launch(const std::string &file, const std::string &name, unsigned blocks, unsigned threads,
            void **arguments) {
  if (blocks == 0) return;
  const auto stream = c10::cuda::getCurrentCUDAStream();
  const int device = stream.device_index();
  enter_context(device);
  const CUresult result = driver().launch(function(file, name, device), blocks, 1, 1, threads, 1, 1,
                                          0, stream.stream(), arguments, nullptr);
  TORCH_CHECK(result == CUDA_SUCCESS, "the driver does not start a kernel: error ", int{result});
}

}  // namespace dit
