// Linear layers and the feed-forward part of a transformer block for training. Gradients are
// written once; the plain operators copy and add them.

#include <ATen/autocast_mode.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/linear.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "ckernels/processor.h"
#include "common/parallel.h"
#include "matmul/product.h"

namespace dit {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using OptionalTensor = std::optional<at::Tensor>;

/// With fewer rows libtorch's products are faster: they do not pack the weight.
constexpr int64_t kLeastRows = kRows;

/// Whether our product is the fastest for this layer.
bool takes_own_product(const at::Tensor &x, const at::Tensor &weight, const OptionalTensor &bias) {
  static const bool fits = ckernels_prefers_own_products();
  const auto is_float = [](const at::Tensor &tensor) {
    return tensor.is_cpu() && tensor.scalar_type() == at::kFloat;
  };
  return fits && is_float(x) && is_float(weight) && weight.dim() == 2 &&
         (!bias.has_value() || is_float(*bias)) && x.dim() > 0 && x.size(-1) == weight.size(1) &&
         weight.numel() > 0 && x.numel() / weight.size(1) >= kLeastRows &&
         !at::autocast::is_autocast_enabled(at::kCPU);
}

/// A tensor `[..., columns]` as a matrix.
Matrix matrix(const at::Tensor &tensor, bool is_transposed = false) {
  return {tensor.const_data_ptr<float>(), tensor.size(-1), is_transposed};
}

int64_t row_count(const at::Tensor &tensor) { return tensor.numel() / tensor.size(-1); }

/// An uninitialized tensor with another last dimension.
at::Tensor empty_with_columns(const at::Tensor &like, int64_t columns) {
  auto shape = like.sizes().vec();
  shape.back() = columns;
  return at::empty(shape, like.options());
}

/// x Wᵀ + b, and its GELU if `gelu` is given.
at::Tensor product_forward(const at::Tensor &x, const at::Tensor &weight,
                           const OptionalTensor &bias, at::Tensor *gelu = nullptr) {
  at::Tensor out = empty_with_columns(x, weight.size(0));
  if (gelu != nullptr) *gelu = at::empty_like(out);
  multiply({.a = matrix(x),
            .b = matrix(weight, true),
            .c = out.data_ptr<float>(),
            .m = row_count(x),
            .n = weight.size(0),
            .k = weight.size(1),
            .bias = bias.has_value() ? bias->const_data_ptr<float>() : nullptr,
            .finish = gelu == nullptr ? Finish::plain : Finish::keep_gelu,
            .other = gelu == nullptr ? nullptr : gelu->data_ptr<float>()});
  return out;
}

/// The gradient of x from the gradient of x Wᵀ, times the slope of GELU at `before_gelu` if given.
at::Tensor input_gradient(const at::Tensor &gradient, const at::Tensor &weight,
                          const at::Tensor &before_gelu = {}) {
  at::Tensor out = empty_with_columns(gradient, weight.size(1));
  const bool has_slope = before_gelu.defined();
  multiply({.a = matrix(gradient),
            .b = matrix(weight),
            .c = out.data_ptr<float>(),
            .m = row_count(gradient),
            .n = weight.size(1),
            .k = weight.size(0),
            .finish = has_slope ? Finish::gelu_slope : Finish::plain,
            .other = has_slope ? before_gelu.data_ptr<float>() : nullptr});
  return out;
}

/// The gradient of W from the gradient of x Wᵀ.
at::Tensor weight_gradient(const at::Tensor &gradient, const at::Tensor &x) {
  at::Tensor out = at::empty({gradient.size(-1), x.size(-1)}, x.options());
  multiply({.a = matrix(gradient, true),
            .b = matrix(x),
            .c = out.data_ptr<float>(),
            .m = gradient.size(-1),
            .n = x.size(-1),
            .k = row_count(x)});
  return out;
}

/// Sums of columns, in the order of the rows.
DIT_CLONES void sum_columns(const float *x, int64_t stride, int64_t rows, int64_t columns,
                            float *out) {
  std::fill_n(out, columns, 0.0f);
  for (int64_t row = 0; row < rows; row++, x += stride) {
    for (int64_t i = 0; i < columns; i++) out[i] += x[i];
  }
}

/// The gradient of b from the gradient of x Wᵀ + b.
at::Tensor bias_gradient(const at::Tensor &gradient) {
  const int64_t columns = gradient.size(-1);
  at::Tensor out = at::empty({columns}, gradient.options());
  const auto *from = gradient.const_data_ptr<float>();
  auto *to = out.data_ptr<float>();
  constexpr int64_t kColumnBlock = 128;
  parallel_for(ceil_div(columns, kColumnBlock), 1, [&](int64_t begin, int64_t end) {
    const int64_t last = std::min(end * kColumnBlock, columns);
    for (int64_t i = begin * kColumnBlock; i < last; i += kColumnBlock) {
      const int64_t count = std::min(kColumnBlock, columns - i);
      sum_columns(from + i, columns, row_count(gradient), count, to + i);
    }
  });
  return out;
}

OptionalTensor contiguous(const OptionalTensor &tensor) {
  return tensor.has_value() ? OptionalTensor(tensor->contiguous()) : std::nullopt;
}

/// Remembers which inputs need gradients: autograd does not count absent inputs.
void keep_needs(AutogradContext *context, const std::vector<OptionalTensor> &inputs) {
  c10::List<bool> needs;
  for (const OptionalTensor &input : inputs) {
    needs.push_back(input.has_value() && input->requires_grad());
  }
  context->saved_data["needs"] = needs;
}

c10::List<bool> kept_needs(AutogradContext *context) {
  return context->saved_data["needs"].toBoolList();
}

/// x Wᵀ + b.
struct Linear : torch::autograd::Function<Linear> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &x, const at::Tensor &weight,
                            const OptionalTensor &bias) {
    context->save_for_backward({x, weight});
    keep_needs(context, {x, weight, bias});
    return product_forward(x, weight, bias);
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor gradient = gradients[0].contiguous();
    const auto needs = kept_needs(context);
    variable_list results(3);
    if (needs[0]) results[0] = input_gradient(gradient, saved[1]);
    if (needs[1]) results[1] = weight_gradient(gradient, saved[0]);
    if (needs[2]) results[2] = bias_gradient(gradient);
    return results;
  }
};

/// Two linear layers with GELU (tanh form) between them.
struct FeedForward : torch::autograd::Function<FeedForward> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &x,
                            const at::Tensor &weight1, const OptionalTensor &bias1,
                            const at::Tensor &weight2, const OptionalTensor &bias2) {
    at::Tensor activated;
    const at::Tensor hidden = product_forward(x, weight1, bias1, &activated);
    context->save_for_backward({x, weight1, weight2, hidden, activated});
    keep_needs(context, {x, weight1, bias1, weight2, bias2});
    return product_forward(activated, weight2, bias2);
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight1 = saved[1], &weight2 = saved[2];
    const at::Tensor &hidden = saved[3], &activated = saved[4];
    const at::Tensor gradient = gradients[0].contiguous();
    const auto needs = kept_needs(context);
    variable_list results(5);
    if (needs[3]) results[3] = weight_gradient(gradient, activated);
    if (needs[4]) results[4] = bias_gradient(gradient);
    if (!(needs[0] || needs[1] || needs[2])) return results;
    const at::Tensor inner = input_gradient(gradient, weight2, hidden);
    if (needs[0]) results[0] = input_gradient(inner, weight1);
    if (needs[1]) results[1] = weight_gradient(inner, x);
    if (needs[2]) results[2] = bias_gradient(inner);
    return results;
  }
};

at::Tensor linear_layer(const at::Tensor &x, const at::Tensor &weight, const OptionalTensor &bias) {
  if (!takes_own_product(x, weight, bias)) return at::linear(x, weight, bias);
  return Linear::apply(x.contiguous(), weight.contiguous(), contiguous(bias));
}

at::Tensor feed_forward(const at::Tensor &x, const at::Tensor &weight1, const OptionalTensor &bias1,
                        const at::Tensor &weight2, const OptionalTensor &bias2) {
  if (!takes_own_product(x, weight1, bias1) || weight2.dim() != 2 ||
      weight2.size(1) != weight1.size(0) || weight2.scalar_type() != at::kFloat) {
    return linear_layer(at::gelu(linear_layer(x, weight1, bias1), "tanh"), weight2, bias2);
  }
  return FeedForward::apply(x.contiguous(), weight1.contiguous(), contiguous(bias1),
                            weight2.contiguous(), contiguous(bias2));
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(dit, library) {
  library.def("linear(Tensor x, Tensor weight, Tensor? bias) -> Tensor");
  library.def(
      "feed_forward(Tensor x, Tensor weight1, Tensor? bias1, Tensor weight2, Tensor? bias2) -> "
      "Tensor");
}

TORCH_LIBRARY_IMPL(dit, CompositeImplicitAutograd, library) {
  library.impl("linear", linear_layer);
  library.impl("feed_forward", feed_forward);
}

}  // namespace dit
