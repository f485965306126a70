#include "ctorch/tensor.h"

#include <ATen/ops/from_blob.h>

#include <cstdio>
#include <memory>

#include "guard.h"
#include "handles.h"

#define CTORCH_SAME(ours, theirs) \
  static_assert(static_cast<int>(ours) == static_cast<int>(at::ScalarType::theirs))
CTORCH_SAME(CTORCH_UINT8, Byte);
CTORCH_SAME(CTORCH_INT8, Char);
CTORCH_SAME(CTORCH_INT16, Short);
CTORCH_SAME(CTORCH_INT32, Int);
CTORCH_SAME(CTORCH_INT64, Long);
CTORCH_SAME(CTORCH_FLOAT16, Half);
CTORCH_SAME(CTORCH_FLOAT32, Float);
CTORCH_SAME(CTORCH_FLOAT64, Double);
CTORCH_SAME(CTORCH_BOOL, Bool);
CTORCH_SAME(CTORCH_BFLOAT16, BFloat16);
CTORCH_SAME(CTORCH_FLOAT8_E5M2, Float8_e5m2);
CTORCH_SAME(CTORCH_FLOAT8_E4M3, Float8_e4m3fn);

using ctorch::guarded;
using ctorch::impl;

ctorch_tensor ctorch_tensor_retain(ctorch_tensor tensor) {
  return ctorch::released(ctorch::retained(tensor));
}

void ctorch_tensor_release(ctorch_tensor tensor) {
  if (tensor.impl == nullptr) return;
  c10::intrusive_ptr<at::TensorImpl>::reclaim(impl(tensor));
}

int64_t ctorch_tensor_rank(ctorch_tensor tensor) { return impl(tensor)->dim(); }

int64_t ctorch_tensor_count(ctorch_tensor tensor) { return impl(tensor)->numel(); }

const int64_t *ctorch_tensor_sizes(ctorch_tensor tensor) { return impl(tensor)->sizes().data(); }

const int64_t *ctorch_tensor_strides(ctorch_tensor tensor) {
  return impl(tensor)->strides().data();
}

int8_t ctorch_tensor_dtype(ctorch_tensor tensor) {
  return static_cast<int8_t>(c10::typeMetaToScalarType(impl(tensor)->dtype()));
}

int64_t ctorch_tensor_element_size(ctorch_tensor tensor) {
  return static_cast<int64_t>(impl(tensor)->itemsize());
}

bool ctorch_tensor_is_contiguous(ctorch_tensor tensor) { return impl(tensor)->is_contiguous(); }

bool ctorch_tensor_is_cpu(ctorch_tensor tensor) { return impl(tensor)->is_cpu(); }

void ctorch_tensor_device(ctorch_tensor tensor, char *text, size_t capacity) {
  snprintf(text, capacity, "%s", impl(tensor)->device().str().c_str());
}

void *ctorch_tensor_data(ctorch_tensor tensor) {
  if (!impl(tensor)->has_storage() || impl(tensor)->numel() == 0) return nullptr;
  return impl(tensor)->mutable_data();
}

ctorch_status ctorch_tensor_borrow(void *data, const int64_t *sizes, const int64_t *strides,
                                   int64_t rank, int8_t dtype, void *context,
                                   void (*release)(void *context), ctorch_tensor *result) {
  return guarded([&] {
    // Releases the memory even if libtorch refuses the shape.
    std::shared_ptr<void> owner(context, release);
    const auto extent = static_cast<size_t>(rank);
    *result = ctorch::released(at::from_blob(
        data, {sizes, extent}, {strides, extent}, [owner](void *) mutable { owner.reset(); },
        at::TensorOptions().dtype(static_cast<at::ScalarType>(dtype))));
  });
}
