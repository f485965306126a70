#pragma once

#include <string>

namespace dit {

/// Starts a kernel on the current device and stream. At the first call NVRTC compiles it for the
/// GPU; it is kept for the life of the process.
///
/// `file` is in the folder kernels; `name` is the kernel with its template arguments, such as
/// "dit::quantize_rows<1152, dit::BF16, true>". With no blocks nothing happens.
void launch(const std::string &file, const std::string &name, unsigned blocks, unsigned threads,
            void **arguments);

}  // namespace dit
