#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>
#include <c10/util/intrusive_ptr.h>

#include <utility>

#include "ctorch/random.h"
#include "ctorch/tensor.h"

namespace ctorch {

inline at::TensorImpl *impl(ctorch_tensor handle) {
  return static_cast<at::TensorImpl *>(handle.impl);
}

/// A new reference to the handle's tensor; undefined for a null handle.
inline at::Tensor retained(void *handle) {
  if (handle == nullptr) return at::Tensor();
  return at::Tensor(c10::intrusive_ptr<at::TensorImpl, at::UndefinedTensorImpl>::reclaim_copy(
      static_cast<at::TensorImpl *>(handle)));
}

inline at::Tensor retained(ctorch_tensor handle) { return retained(handle.impl); }

/// Hands the reference to the caller; undefined tensors become a null handle.
inline ctorch_tensor released(at::Tensor tensor) {
  if (!tensor.defined()) return {nullptr};
  return {tensor.unsafeReleaseTensorImpl()};
}

inline at::Generator retained_generator(const void *handle) {
  return at::Generator(c10::intrusive_ptr<c10::GeneratorImpl>::reclaim_copy(
      static_cast<c10::GeneratorImpl *>(const_cast<void *>(handle))));
}

}  // namespace ctorch
