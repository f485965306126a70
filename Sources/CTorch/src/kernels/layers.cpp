// Linear layers, the feed-forward part and self-attention of a transformer block for training: each
// with its gradients written once, where the plain operators copy and add.

#include <ATen/autocast_mode.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu_backward.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/stack.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "ctorch/processor.h"
#include "parallel.h"
#include "product.h"

namespace dit {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using OptionalTensor = std::optional<at::Tensor>;

/// Below so many rows libtorch's products, which do not lay out the weight, are faster.
constexpr int64_t least_rows = kRows;

/// Whether our own product is the fastest for these numbers.
bool takes_own_product(const at::Tensor &x, const at::Tensor &weight, const OptionalTensor &bias) {
  static const bool fits = ctorch_has_fast_products();
  const auto is_float = [](const at::Tensor &tensor) {
    return tensor.is_cpu() && tensor.scalar_type() == at::kFloat;
  };
  return fits && is_float(x) && is_float(weight) && weight.dim() == 2 &&
         (!bias.has_value() || is_float(*bias)) && x.dim() > 0 && x.size(-1) == weight.size(1) &&
         weight.numel() > 0 && x.numel() / weight.size(1) >= least_rows &&
         !at::autocast::is_autocast_enabled(at::kCPU);
}

/// A tensor `[..., columns]` as a matrix.
Matrix matrix(const at::Tensor &tensor, bool is_transposed = false) {
  return {tensor.const_data_ptr<float>(), tensor.size(-1), is_transposed};
}

int64_t row_count(const at::Tensor &tensor) { return tensor.numel() / tensor.size(-1); }

/// An uninitialized tensor of another last dimension.
at::Tensor empty_with_columns(const at::Tensor &like, int64_t columns) {
  auto shape = like.sizes().vec();
  shape.back() = columns;
  return at::empty(shape, like.options());
}

/// x Wᵀ + b; and the GELU of it, if there is where to.
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

/// The gradient of x from that of x Wᵀ; times the slope of GELU at `before_gelu`, if given.
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

/// The gradient of W from that of x Wᵀ.
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

/// Sums of some columns, in the order of the rows.
DIT_CLONES void sum_columns(const float *x, int64_t stride, int64_t rows, int64_t columns,
                            float *out) {
  std::fill_n(out, columns, 0.0f);
  for (int64_t row = 0; row < rows; row++, x += stride) {
    for (int64_t i = 0; i < columns; i++) out[i] += x[i];
  }
}

/// The gradient of b from that of x Wᵀ + b.
at::Tensor bias_gradient(const at::Tensor &gradient) {
  const int64_t columns = gradient.size(-1);
  at::Tensor out = at::empty({columns}, gradient.options());
  const auto *from = gradient.const_data_ptr<float>();
  auto *to = out.data_ptr<float>();
  constexpr int64_t block = 128;
  parallel_for((columns + block - 1) / block, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin * block; i < std::min(end * block, columns); i += block) {
      sum_columns(from + i, columns, row_count(gradient), std::min(block, columns - i), to + i);
    }
  });
  return out;
}

OptionalTensor contiguous(const OptionalTensor &tensor) {
  return tensor.has_value() ? OptionalTensor(tensor->contiguous()) : std::nullopt;
}

/// Remembers which inputs want gradients: autograd does not count inputs that are absent.
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

/// Two linear layers with the tanh form of GELU between them.
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

at::Tensor affine(const at::Tensor &x, const at::Tensor &weight, const OptionalTensor &bias) {
  if (!takes_own_product(x, weight, bias)) return at::linear(x, weight, bias);
  return Linear::apply(x.contiguous(), weight.contiguous(), contiguous(bias));
}

at::Tensor feed_forward(const at::Tensor &x, const at::Tensor &weight1, const OptionalTensor &bias1,
                        const at::Tensor &weight2, const OptionalTensor &bias2) {
  if (!takes_own_product(x, weight1, bias1) || weight2.dim() != 2 ||
      weight2.size(1) != weight1.size(0) || weight2.scalar_type() != at::kFloat) {
    return affine(at::gelu(affine(x, weight1, bias1), "tanh"), weight2, bias2);
  }
  return FeedForward::apply(x.contiguous(), weight1.contiguous(), contiguous(bias1),
                            weight2.contiguous(), contiguous(bias2));
}

/// Queries, keys and values, each `[N, heads, T, d]`, where they lie in `[N, T, 3 heads d]`.
std::vector<at::Tensor> heads_of(const at::Tensor &qkv, int64_t head_count) {
  return qkv.reshape({qkv.size(0), qkv.size(1), 3, head_count, -1})
      .permute({2, 0, 3, 1, 4})
      .unbind(0);
}

/// `[N, heads, T, d]` as `[N, T, heads d]`.
at::Tensor merged(const at::Tensor &heads) {
  return heads.transpose(1, 2).reshape({heads.size(0), heads.size(2), -1});
}

struct SelfAttention : torch::autograd::Function<SelfAttention> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &qkv, int64_t head_count) {
    const auto heads = heads_of(qkv, head_count);
    const auto [mixed, sums] =
        at::_scaled_dot_product_flash_attention_for_cpu(heads[0], heads[1], heads[2]);
    context->saved_data["heads"] = head_count;
    context->save_for_backward({qkv, mixed, sums});
    return merged(mixed);
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const int64_t head_count = context->saved_data["heads"].toInt();
    const at::Tensor &qkv = saved[0];
    const auto heads = heads_of(qkv, head_count);
    const at::Tensor gradient =
        gradients[0].reshape({qkv.size(0), qkv.size(1), head_count, -1}).transpose(1, 2);
    const auto [query, key, value] = at::_scaled_dot_product_flash_attention_for_cpu_backward(
        gradient, heads[0], heads[1], heads[2], saved[1], saved[2], 0, false);
    const auto parts = {query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2)};
    return {at::stack(parts, 2).reshape(qkv.sizes()), at::Tensor()};
  }
};

at::Tensor self_attention(const at::Tensor &qkv, int64_t head_count) {
  TORCH_CHECK(qkv.dim() == 3 && head_count > 0 && qkv.size(2) % (3 * head_count) == 0, head_count,
              " heads in [N, T, 3 D] of ", qkv.sizes());
  if (qkv.is_cpu() && qkv.scalar_type() == at::kFloat) {
    return SelfAttention::apply(qkv, head_count);
  }
  const auto heads = heads_of(qkv, head_count);
  return merged(at::scaled_dot_product_attention(heads[0], heads[1], heads[2]));
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(dit, library) {
  library.def("linear(Tensor x, Tensor weight, Tensor? bias) -> Tensor");
  library.def(
      "feed_forward(Tensor x, Tensor weight1, Tensor? bias1, Tensor weight2, Tensor? bias2) -> "
      "Tensor");
  library.def("self_attention(Tensor qkv, int head_count) -> Tensor");
}

TORCH_LIBRARY_IMPL(dit, CompositeImplicitAutograd, library) {
  library.impl("linear", affine);
  library.impl("feed_forward", feed_forward);
  library.impl("self_attention", self_attention);
}

}  // namespace dit
