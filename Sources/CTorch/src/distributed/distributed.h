#pragma once

#include <c10/util/intrusive_ptr.h>
#include <torch/csrc/distributed/c10d/Backend.hpp>

#include "ctorch/distributed.h"

namespace ctorch {

/// The group behind a handle; the handle keeps its reference.
inline c10::intrusive_ptr<c10d::Backend> retained_group(ctorch_group group) {
  return c10::intrusive_ptr<c10d::Backend>::reclaim_copy(static_cast<c10d::Backend *>(group.impl));
}

}  // namespace ctorch
