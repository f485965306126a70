#pragma once

#include <cuda.h>

#include <string>
#include <vector>

namespace dit {

/// Kernels compiled at run time by NVRTC for the GPU in use: one for each set of definitions, kept
/// for the life of the process.
class RuntimeCompiler {
 public:
  /// `source` is CUDA C++ with the kernel `name` in it.
  RuntimeCompiler(std::string source, std::string name);

  /// Starts the kernel on the current device and stream; `definitions` are as "WIDTH=1152".
  void launch(const std::vector<std::string> &definitions, unsigned blocks, unsigned threads,
              void **arguments) const;

 private:
  CUfunction function(int device, const std::vector<std::string> &definitions) const;

  std::string source_;
  std::string name_;
};

}  // namespace dit
