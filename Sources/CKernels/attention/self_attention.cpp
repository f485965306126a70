// Self-attention of a transformer block for training. The gradients of queries, keys and values are
// written once, side by side; the plain operators copy and add them.

#include <ATen/core/Tensor.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu_backward.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/stack.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

namespace dit {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Views of queries, keys and values, `[N, heads, T, d]` each, in `[N, T, 3 heads d]`.
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
  library.def("self_attention(Tensor qkv, int head_count) -> Tensor");
}

TORCH_LIBRARY_IMPL(dit, CompositeImplicitAutograd, library) {
  library.impl("self_attention", self_attention);
}

}  // namespace dit
