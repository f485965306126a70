#pragma once

#include <string>

namespace dit {

/// Starts a kernel on the current device and stream. It is compiled by NVRTC for that GPU when it
/// is first asked for, and kept for the life of the process.
///
/// `file` is one of the folder kernels; `name` is that of the kernel with its parameters, as
/// "dit::quantize_rows<1152, dit::BF16, true>". Without blocks nothing is done.
void launch(const std::string &file, const std::string &name, unsigned blocks, unsigned threads,
            void **arguments);

}  // namespace dit
