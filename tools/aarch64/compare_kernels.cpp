// Compares the operators of CKernels with libtorch's, on any processor: for scripts/check-aarch64,
// which has no Swift. The tests in Tests/TorchTests say more.

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

namespace {

using at::Tensor;

template <typename... Arguments>
std::vector<Tensor> call(const std::string &name, const Arguments &...arguments) {
  const auto handle = c10::Dispatcher::singleton().findSchemaOrThrow(("dit::" + name).c_str(), "");
  torch::jit::Stack stack;
  (stack.emplace_back(arguments), ...);
  handle.callBoxed(stack);
  std::vector<Tensor> results;
  for (const auto &value : stack) {
    if (value.isTensor()) results.push_back(value.toTensor());
  }
  return results;
}

int failures = 0;

/// Prints how far a result lies from what is expected, over the largest expected magnitude.
void compare(const char *name, const Tensor &result, const Tensor &expected, double limit = 1e-5) {
  const double error = ((result.to(at::kDouble) - expected.to(at::kDouble)).abs().max() /
                        expected.to(at::kDouble).abs().max())
                           .item<double>();
  const bool passes = error <= limit;  // not if it is NaN
  std::printf("%-28s %.1e%s\n", name, error, passes ? "" : "  FAILED");
  failures += !passes;
}

Tensor normed(const Tensor &x, bool is_rms) {
  return is_rms ? x / (x.square().mean(-1, true) + 1e-6).sqrt()
                : at::layer_norm(x, {x.size(-1)}, {}, {}, 1e-6);
}

/// Outputs of two functions of the same leaves, and the gradients of their weighed sum.
template <typename Own, typename Plain>
void compare_with_gradients(const std::string &name, std::vector<Tensor> leaves, const Own &own,
                            const Plain &plain) {
  for (auto &leaf : leaves) leaf.requires_grad_(true);
  const Tensor a = own(leaves), b = plain(leaves);
  compare(name.c_str(), a.detach(), b.detach());
  const Tensor weights = at::randn_like(a);
  const auto first = torch::autograd::grad({(a * weights).sum()}, leaves);
  const auto second = torch::autograd::grad({(b * weights).sum()}, leaves);
  for (size_t i = 0; i < leaves.size(); i++) {
    compare((name + " gradient " + std::to_string(i)).c_str(), first[i], second[i]);
  }
}

void compare_products() {
  const Tensor x = at::randn({3, 37, 70}), w = at::randn({130, 70}), b = at::randn({130});
  compare_with_gradients(
      "linear", {x, w, b}, [](const auto &l) { return call("linear", l[0], l[1], l[2])[0]; },
      [](const auto &l) { return at::linear(l[0], l[1], l[2]); });
  compare_with_gradients(
      "feed_forward", {x.clone(), w.clone(), b.clone(), at::randn({70, 130}), at::randn({70})},
      [](const auto &l) { return call("feed_forward", l[0], l[1], l[2], l[3], l[4])[0]; },
      [](const auto &l) {
        return at::linear(at::gelu(at::linear(l[0], l[1], l[2]), "tanh"), l[3], l[4]);
      });
  const Tensor packed = call("pack_linear_weight", w.detach())[0];
  const Tensor plain = at::linear(x.detach(), w.detach(), b.detach());
  compare("packed_linear", call("packed_linear", x.detach(), packed, b.detach(), 130, false)[0],
          plain);
  compare("packed_linear, GELU",
          call("packed_linear", x.detach(), packed, b.detach(), 130, true)[0],
          at::gelu(plain, "tanh"));
}

void compare_attention() {
  compare_with_gradients(
      "self_attention", {at::randn({2, 33, 3 * 4 * 16})},
      [](const auto &l) { return call("self_attention", l[0], 4)[0]; },
      [](const auto &l) {
        const auto heads = l[0].reshape({2, 33, 3, 4, 16}).permute({2, 0, 3, 1, 4});
        return at::scaled_dot_product_attention(heads[0], heads[1], heads[2])
            .transpose(1, 2)
            .reshape({2, 33, 64});
      });
}

void compare_norms() {
  for (const bool is_rms : {false, true}) {
    const std::string kind = is_rms ? "rms" : "norm";
    compare_with_gradients(
        "adaptive_" + kind, {at::randn({2, 19, 72}), at::randn({2, 1, 72}), at::randn({2, 1, 72})},
        [&](const auto &l) { return call("adaptive_" + kind, l[0], l[1], l[2], 1e-6)[0]; },
        [&](const auto &l) { return normed(l[0], is_rms) * (1 + l[2]) + l[1]; });
    compare_with_gradients(
        "gated_add_" + kind,
        {at::randn({2, 19, 72}), at::randn({2, 19, 72}), at::randn({2, 1, 72}),
         at::randn({2, 1, 72}), at::randn({2, 1, 72})},
        [&](const auto &l) {
          const auto both = call("gated_add_" + kind, l[0], l[1], l[2], l[3], l[4], 1e-6);
          return at::cat({both[0], both[1]}, -1);
        },
        [&](const auto &l) {
          const Tensor sum = l[0] + l[2] * l[1];
          return at::cat({sum, normed(sum, is_rms) * (1 + l[4]) + l[3]}, -1);
        });
    const Tensor x = at::randn({2, 19, 72}), table = at::randn({5, 144});
    const Tensor labels = at::tensor({3, 1}, at::kLong);
    const Tensor rows = table.index_select(0, labels).unsqueeze(1);
    compare((is_rms ? "rms_modulate" : "norm_modulate"),
            call(is_rms ? "rms_modulate" : "norm_modulate", x, labels, table, 0, 72, 1e-6,
                 static_cast<int64_t>(at::kFloat))[0],
            normed(x, is_rms) * (1 + rows.slice(2, 72, 144)) + rows.slice(2, 0, 72));
  }
}

void compare_images() {
  const Tensor x = at::randn({2, 16, 13, 11}), w = at::randn({24, 16, 3, 3}), b = at::randn({24});
  const Tensor last = x.permute({0, 2, 3, 1}).contiguous();
  const Tensor out = at::empty({2, 13, 11, 24});
  const Tensor packed = call("pack_convolution_weight", w)[0];
  call("convolution_3x3_", out, last, packed, b, c10::IValue(), c10::IValue(), false, false, false,
       0, 0, 0, 8);
  compare("convolution_3x3_", out.permute({0, 3, 1, 2}),
          at::conv2d(x, w, b, at::IntArrayRef({1, 1}), at::IntArrayRef({1, 1})));
  const Tensor weight = at::randn({16}), bias = at::randn({16});
  const auto factors = call("group_norm_factors", last, weight, bias, 4, 1e-6);
  compare("group_norm_factors",
          x * factors[0].reshape({2, 16, 1, 1}) + factors[1].reshape({2, 16, 1, 1}),
          at::group_norm(x, 4, weight, bias, 1e-6));
}

void compare_rest() {
  const Tensor rows = at::randn({9, 75});
  const auto quantized = call("quantize_rows", rows);
  compare("quantize_rows", (quantized[0].to(at::kFloat) - 128) * quantized[1].reshape({9, 1}), rows,
          0.5 / 127 + 1e-6);
  const Tensor gates = at::randn({9, 2 * 40});
  compare("swiglu",
          call("swiglu", gates, c10::IValue(), c10::IValue(), c10::IValue(),
               static_cast<int64_t>(at::kFloat))[0],
          at::silu(gates.slice(1, 0, 40)) * gates.slice(1, 40, 80));

  const Tensor p = at::randn({301}), g = at::randn({301}), m = at::randn({301}),
               v = at::rand({301});
  const Tensor m1 = 0.9 * m + 0.1 * g, v1 = 0.99 * v + 0.01 * g.square();
  const double m_share = 1 - std::pow(0.9, 3), v_share = 1 - std::pow(0.99, 3);
  const Tensor expected =
      p * (1 - 0.01 * 0.1) - 0.01 * (m1 / m_share) / ((v1 / v_share).sqrt() + 1e-8);
  const Tensor updated = p.clone();
  using List = std::vector<Tensor>;
  call("adamw_", List{updated}, List{g}, List{m}, List{v}, List{}, std::vector<double>{0.1}, 0.01,
       0.9, 0.99, 1e-8, 3, 1.0, 0.0);
  compare("adamw_", updated, expected);
  compare("adamw_ second moment", v, v1);
  compare("total_norm", call("total_norm", List{p, g})[0], at::cat({p, g}).norm());
}

}  // namespace

int main() {
  at::manual_seed(1);
  compare_products();
  compare_attention();
  compare_norms();
  compare_images();
  compare_rest();
  std::printf(failures == 0 ? "all agree\n" : "%d FAILED\n", failures);
  return failures != 0;
}
