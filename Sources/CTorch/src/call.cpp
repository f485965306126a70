#include "ctorch/call.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/jit_type.h>
#include <ATen/core/stack.h>

#include <vector>

#include "guard.h"
#include "handles.h"

namespace {

using c10::IValue;
using c10::TypeKind;

const c10::Type &without_optional(const c10::Type &type) {
  if (const auto *optional = type.castRaw<c10::OptionalType>()) return *optional->getElementType();
  return type;
}

template <typename Item>
c10::ArrayRef<Item> items(const ctorch_value &value) {
  return {static_cast<const Item *>(value.items), static_cast<size_t>(value.item_count)};
}

IValue integer_list(const ctorch_value &value, const c10::Type &type) {
  const auto *list = type.castRaw<c10::ListType>();
  if (list == nullptr || list->getElementType()->kind() != TypeKind::FloatType) {
    return IValue(items<int64_t>(value).vec());
  }
  c10::List<double> numbers;
  for (int64_t item : items<int64_t>(value)) numbers.push_back(static_cast<double>(item));
  return IValue(std::move(numbers));
}

IValue tensor_list(const ctorch_value &value, const c10::Type &type) {
  const auto *list = type.castRaw<c10::ListType>();
  const bool optional = list != nullptr && list->getElementType()->kind() == TypeKind::OptionalType;
  if (!optional) {
    c10::List<at::Tensor> tensors;
    for (const auto &item : items<ctorch_tensor>(value)) tensors.push_back(ctorch::retained(item));
    return IValue(std::move(tensors));
  }
  c10::List<std::optional<at::Tensor>> tensors;
  for (const auto &item : items<ctorch_tensor>(value)) {
    tensors.push_back(item.impl == nullptr ? std::nullopt : std::optional(ctorch::retained(item)));
  }
  return IValue(std::move(tensors));
}

IValue scalar_list(const ctorch_value &value) {
  c10::impl::GenericList scalars(c10::OptionalType::create(c10::NumberType::get()));
  for (double item : items<double>(value)) scalars.push_back(IValue(item));
  return IValue(std::move(scalars));
}

IValue integer(const ctorch_value &value, const c10::Type &type) {
  switch (type.kind()) {
    case TypeKind::FloatType:
      return IValue(static_cast<double>(value.integer));
    case TypeKind::BoolType:
      return IValue(value.integer != 0);
    case TypeKind::ListType: {  // one number for all members, like `stride=2` in Python
      const ctorch_value single{CTORCH_INT_LIST, 0, 0, &value.integer, 1};
      return integer_list(single, type);
    }
    default:
      return IValue(value.integer);
  }
}

IValue boxed(const ctorch_value &value, const c10::Argument &parameter) {
  const c10::Type &type = without_optional(*parameter.real_type());
  switch (value.kind) {
    case CTORCH_DEFAULT:
      TORCH_CHECK(parameter.default_value().has_value(), "parameter '", parameter.name(),
                  "' has no default value");
      return *parameter.default_value();
    case CTORCH_NONE:
      return IValue();
    case CTORCH_TENSOR:
      return IValue(ctorch::retained(const_cast<void *>(value.items)));
    case CTORCH_TENSOR_LIST:
      return tensor_list(value, type);
    case CTORCH_BOOL_VALUE:
      return IValue(value.integer != 0);
    case CTORCH_INT:
      return integer(value, type);
    case CTORCH_INT_LIST:
      return integer_list(value, type);
    case CTORCH_DOUBLE:
      return IValue(value.number);
    case CTORCH_DOUBLE_LIST:
      return IValue(items<double>(value).vec());
    case CTORCH_SCALAR_LIST:
      return scalar_list(value);
    case CTORCH_STRING: {
      std::string text(static_cast<const char *>(value.items));
      if (type.kind() == TypeKind::DeviceObjType) return IValue(c10::Device(text));
      return IValue(std::move(text));
    }
    case CTORCH_GENERATOR:
      return IValue(ctorch::retained_generator(value.items));
  }
  TORCH_CHECK(false, "argument of unknown kind ", static_cast<int>(value.kind));
}

thread_local std::vector<ctorch_tensor> call_results;

void collect(IValue value) {
  if (value.isTensor()) {
    call_results.push_back(ctorch::released(std::move(value).toTensor()));
  } else if (value.isTensorList()) {
    for (at::Tensor tensor : value.toTensorVector()) {
      call_results.push_back(ctorch::released(std::move(tensor)));
    }
  } else {
    TORCH_CHECK(false, "a result of type ", value.tagKind(), " cannot be handed out");
  }
}

}  // namespace

ctorch_status ctorch_operator_find(const char *name, const char *overload,
                                   ctorch_operator *result) {
  return ctorch::guarded([&] {
    auto handle = c10::Dispatcher::singleton().findSchemaOrThrow(name, overload);
    // Operators are never unregistered, so the handle is valid for the life of the process.
    result->handle = new c10::OperatorHandle(handle);
  });
}

ctorch_status ctorch_call(ctorch_operator op, const ctorch_value *arguments, int64_t argument_count,
                          const ctorch_tensor **results, int64_t *result_count) {
  return ctorch::guarded([&] {
    const auto &handle = *static_cast<const c10::OperatorHandle *>(op.handle);
    const auto &parameters = handle.schema().arguments();
    TORCH_CHECK(static_cast<size_t>(argument_count) <= parameters.size(), "takes at most ",
                parameters.size(), " arguments, not ", argument_count);

    torch::jit::Stack stack;
    stack.reserve(parameters.size());
    const ctorch_value absent{CTORCH_DEFAULT, 0, 0, nullptr, 0};
    for (size_t i = 0; i < parameters.size(); i++) {
      const bool given = i < static_cast<size_t>(argument_count);
      stack.push_back(boxed(given ? arguments[i] : absent, parameters[i]));
    }
    handle.callBoxed(stack);

    call_results.clear();
    for (IValue &value : stack) collect(std::move(value));
    *results = call_results.data();
    *result_count = static_cast<int64_t>(call_results.size());
  });
}
