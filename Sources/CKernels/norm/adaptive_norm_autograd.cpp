// Autograd for adaptive layer norm, the same with RMSNorm, and the gated residual of adaLN-Zero
// (Peebles & Xie 2023, section 3.2), on each device with kernels of the forward and backward
// passes.

#include <ATen/autocast_mode.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <string>
#include <tuple>

namespace dit {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

using Two = std::tuple<Tensor, Tensor>;
using Three = std::tuple<Tensor, Tensor, Tensor>;
using Four = std::tuple<Tensor, Tensor, Tensor, Tensor>;
using Five = std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor>;

/// The device's operator, below autograd.
template <typename Result, typename... Arguments>
class Pass {
 public:
  explicit Pass(const char *name)
      : operator_(c10::Dispatcher::singleton()
                      .findSchemaOrThrow(name, "")
                      .typed<Result(Arguments...)>()) {}

  Result operator()(Arguments... arguments) const {
    const at::AutoDispatchBelowADInplaceOrView below;
    return operator_.call(arguments...);
  }

 private:
  c10::TypedOperatorHandle<Result(Arguments...)> operator_;
};

/// The type of a norm's result: in mixed precision on a GPU the type of the next linear layer,
/// which saves a conversion. On the processor it is float32.
at::ScalarType result_type(const Tensor &x) {
  const at::DeviceType device = x.device().type();
  if (device == at::kCPU || !at::autocast::is_autocast_enabled(device)) return x.scalar_type();
  return at::autocast::get_autocast_dtype(device);
}

template <bool kIsRMS>
Three norm_forward(const Tensor &x, const Tensor &shift, const Tensor &scale, double epsilon) {
  static const Pass<Three, const Tensor &, const Tensor &, const Tensor &, double, at::ScalarType>
      pass(kIsRMS ? "dit::adaptive_rms_forward" : "dit::adaptive_norm_forward");
  return pass(x, shift, scale, epsilon, result_type(x));
}

Tensor add_forward(const Tensor &x, const Tensor &y, const Tensor &gate) {
  static const Pass<Tensor, const Tensor &, const Tensor &, const Tensor &> pass("dit::gated_add");
  return pass(x, y, gate);
}

template <bool kIsRMS>
Four add_norm_forward(const Tensor &x, const Tensor &y, const Tensor &gate, const Tensor &shift,
                      const Tensor &scale, double epsilon) {
  static const Pass<Four, const Tensor &, const Tensor &, const Tensor &, const Tensor &,
                    const Tensor &, double, at::ScalarType>
      pass(kIsRMS ? "dit::gated_add_rms_forward" : "dit::gated_add_norm_forward");
  return pass(x, y, gate, shift, scale, epsilon, result_type(x));
}

template <bool kIsRMS>
struct AdaptiveNorm : torch::autograd::Function<AdaptiveNorm<kIsRMS>> {
  static Tensor forward(AutogradContext *context, const Tensor &x, const Tensor &shift,
                        const Tensor &scale, double epsilon) {
    const auto [out, means, deviations] = norm_forward<kIsRMS>(x, shift, scale, epsilon);
    context->save_for_backward({x, scale, means, deviations});
    return out;
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    static const Pass<Three, const Tensor &, const Tensor &, const Tensor &, const Tensor &,
                      const Tensor &>
        pass(kIsRMS ? "dit::adaptive_rms_backward" : "dit::adaptive_norm_backward");
    const auto saved = context->get_saved_variables();
    const auto [x, shift, scale] =
        pass(gradients[0].contiguous(), saved[0], saved[1], saved[2], saved[3]);
    return {x, shift, scale, Tensor()};
  }
};

struct GatedAdd : torch::autograd::Function<GatedAdd> {
  static Tensor forward(AutogradContext *context, const Tensor &x, const Tensor &y,
                        const Tensor &gate) {
    context->save_for_backward({y, gate});
    return add_forward(x, y, gate);
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    static const Pass<Two, const Tensor &, const Tensor &, const Tensor &> pass(
        "dit::gated_add_backward");
    const auto saved = context->get_saved_variables();
    const auto [y, gate] = pass(gradients[0].contiguous(), saved[0], saved[1]);
    return {gradients[0], y, gate};
  }
};

template <bool kIsRMS>
struct GatedAddNorm : torch::autograd::Function<GatedAddNorm<kIsRMS>> {
  static variable_list forward(AutogradContext *context, const Tensor &x, const Tensor &y,
                               const Tensor &gate, const Tensor &shift, const Tensor &scale,
                               double epsilon) {
    const auto [sum, out, means, deviations] =
        add_norm_forward<kIsRMS>(x, y, gate, shift, scale, epsilon);
    context->save_for_backward({sum, y, gate, scale, means, deviations});
    return {sum, out};
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    static const Pass<Five, const Tensor &, const Tensor &, const Tensor &, const Tensor &,
                      const Tensor &, const Tensor &, const Tensor &, const Tensor &>
        pass(kIsRMS ? "dit::gated_add_rms_backward" : "dit::gated_add_norm_backward");
    const auto saved = context->get_saved_variables();
    const auto [x, y, gate, shift, scale] =
        pass(gradients[0].contiguous(), gradients[1].contiguous(), saved[0], saved[1], saved[2],
             saved[3], saved[4], saved[5]);
    return {x, y, gate, shift, scale, Tensor()};
  }
};

template <bool kIsRMS>
Tensor adaptive_norm(const Tensor &x, const Tensor &shift, const Tensor &scale, double epsilon) {
  return AdaptiveNorm<kIsRMS>::apply(x, shift, scale, epsilon);
}

Tensor gated_add(const Tensor &x, const Tensor &y, const Tensor &gate) {
  return GatedAdd::apply(x, y, gate);
}

template <bool kIsRMS>
Two gated_add_norm(const Tensor &x, const Tensor &y, const Tensor &gate, const Tensor &shift,
                   const Tensor &scale, double epsilon) {
  const variable_list results = GatedAddNorm<kIsRMS>::apply(x, y, gate, shift, scale, epsilon);
  return {results[0], results[1]};
}

template <bool kIsRMS>
Tensor adaptive_norm_alone(const Tensor &x, const Tensor &shift, const Tensor &scale,
                           double epsilon) {
  return std::get<0>(norm_forward<kIsRMS>(x, shift, scale, epsilon));
}

template <bool kIsRMS>
Two gated_add_norm_alone(const Tensor &x, const Tensor &y, const Tensor &gate, const Tensor &shift,
                         const Tensor &scale, double epsilon) {
  const auto [sum, out, means, deviations] =
      add_norm_forward<kIsRMS>(x, y, gate, shift, scale, epsilon);
  return {sum, out};
}

/// Declares the operators of a norm, such as "norm".
void declare(torch::Library &library, const std::string &norm) {
  const auto define = [&](const std::string &schema) { library.def(schema.c_str()); };
  define("adaptive_" + norm + "(Tensor x, Tensor shift, Tensor scale, float epsilon) -> Tensor");
  define("gated_add_" + norm +
         "(Tensor x, Tensor y, Tensor gate, Tensor shift, Tensor scale, float epsilon) "
         "-> (Tensor, Tensor)");
  define("adaptive_" + norm +
         "_forward(Tensor x, Tensor shift, Tensor scale, float epsilon, "
         "ScalarType dtype) -> (Tensor, Tensor, Tensor)");
  define("adaptive_" + norm +
         "_backward(Tensor gradient, Tensor x, Tensor scale, Tensor means, "
         "Tensor deviations) -> (Tensor, Tensor, Tensor)");
  define("gated_add_" + norm +
         "_forward(Tensor x, Tensor y, Tensor gate, Tensor shift, Tensor scale, "
         "float epsilon, ScalarType dtype) -> (Tensor, Tensor, Tensor, Tensor)");
  define("gated_add_" + norm +
         "_backward(Tensor sum_gradient, Tensor gradient, Tensor sum, Tensor y, "
         "Tensor gate, Tensor scale, Tensor means, Tensor deviations) -> "
         "(Tensor, Tensor, Tensor, Tensor, Tensor)");
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(dit, library) {
  library.def("gated_add(Tensor x, Tensor y, Tensor gate) -> Tensor");
  library.def("gated_add_backward(Tensor gradient, Tensor y, Tensor gate) -> (Tensor, Tensor)");
  declare(library, "norm");
  declare(library, "rms");
}

TORCH_LIBRARY_IMPL(dit, Autograd, library) {
  library.impl("adaptive_norm", adaptive_norm<false>);
  library.impl("adaptive_rms", adaptive_norm<true>);
  library.impl("gated_add", gated_add);
  library.impl("gated_add_norm", gated_add_norm<false>);
  library.impl("gated_add_rms", gated_add_norm<true>);
}

TORCH_LIBRARY_IMPL(dit, CompositeExplicitAutograd, library) {
  library.impl("adaptive_norm", adaptive_norm_alone<false>);
  library.impl("adaptive_rms", adaptive_norm_alone<true>);
  library.impl("gated_add_norm", gated_add_norm_alone<false>);
  library.impl("gated_add_rms", gated_add_norm_alone<true>);
}

}  // namespace dit
