// Activation checkpointing (Chen et al. 2016): no intermediate result of a function is kept, and
// the backward pass calls it again.

#include "ctorch/recompute.h"

#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include "guard.h"
#include "handles.h"

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// The caller's function with its context.
struct Body : torch::CustomClassHolder {
  ctorch_function function;
  void *context;
  void (*release)(void *);

  Body(ctorch_function function, void *context, void (*release)(void *))
      : function(function), context(context), release(release) {}
  Body(const Body &) = delete;
  Body &operator=(const Body &) = delete;
  ~Body() override { release(context); }

  at::Tensor operator()(const at::Tensor &first, const at::Tensor &second) const {
    ctorch_tensor result{nullptr};
    const ctorch_status status =
        function(context, {first.unsafeGetTensorImpl()}, {second.unsafeGetTensorImpl()}, &result);
    TORCH_CHECK(status == 0, "the function to recompute failed: ", ctorch_last_error());
    return at::Tensor(c10::intrusive_ptr<at::TensorImpl, at::UndefinedTensorImpl>::reclaim(
        static_cast<at::TensorImpl *>(result.impl)));
  }
};

/// Mixed precision as in the forward pass, which on a GPU ran in another thread. At the end, cached
/// weights in the lower precision are dropped: the next step changes them.
class Autocast {
 public:
  Autocast(at::DeviceType device, bool enabled, at::ScalarType type)
      : device_(device),
        outer_(at::autocast::is_autocast_enabled(device)),
        outer_type_(at::autocast::get_autocast_dtype(device)) {
    at::autocast::increment_nesting();
    at::autocast::set_autocast_enabled(device, enabled);
    at::autocast::set_autocast_dtype(device, type);
  }
  Autocast(const Autocast &) = delete;
  Autocast &operator=(const Autocast &) = delete;
  ~Autocast() {
    at::autocast::set_autocast_enabled(device_, outer_);
    at::autocast::set_autocast_dtype(device_, outer_type_);
    if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  }

 private:
  at::DeviceType device_;
  bool outer_;
  at::ScalarType outer_type_;
};

struct Recompute : torch::autograd::Function<Recompute> {
  static at::Tensor forward(AutogradContext *context, const c10::intrusive_ptr<Body> &body,
                            const at::Tensor &first, const at::Tensor &second) {
    context->saved_data["body"] = c10::IValue::make_capsule(body);
    const auto device = first.device().type();
    context->saved_data["autocast"] = at::autocast::is_autocast_enabled(device);
    context->saved_data["type"] = static_cast<int64_t>(at::autocast::get_autocast_dtype(device));
    context->save_for_backward({first, second});
    return (*body)(first, second);
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    const auto capsule = context->saved_data["body"].toCapsule();
    const auto &body = static_cast<const Body &>(*capsule);
    variable_list inputs;
    for (const at::Tensor &saved : context->get_saved_variables()) {
      inputs.push_back(saved.detach().set_requires_grad(saved.requires_grad()));
    }
    at::Tensor result;
    {
      const at::AutoGradMode recording(true);
      const Autocast autocast(inputs[0].device().type(), context->saved_data["autocast"].toBool(),
                              static_cast<at::ScalarType>(context->saved_data["type"].toInt()));
      result = body(inputs[0], inputs[1]);
    }
    torch::autograd::backward({result}, gradients);
    return {at::Tensor(), inputs[0].grad(), inputs[1].grad()};
  }
};

}  // namespace

ctorch_status ctorch_recompute(ctorch_function function, void *context, void (*release)(void *),
                               ctorch_tensor first, ctorch_tensor second, ctorch_tensor *result) {
  auto body = c10::make_intrusive<Body>(function, context, release);
  return ctorch::guarded([&] {
    *result =
        ctorch::released(Recompute::apply(body, ctorch::retained(first), ctorch::retained(second)));
  });
}
