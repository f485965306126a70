"""Makes meanflow.safetensors: the network of improved MeanFlow, gradients, a slope, and whole samplers."""

from dataclasses import asdict

import torch

from files import check, prepare, random_weights, relative_error, write_tensors
from meanflow import MeanFlowConfig, MeanFlowNetwork, parameter_shapes, sampled

# SwiGLU is 42 wide, no multiple of 4.
CONFIG = MeanFlowConfig(6, 4, 2, 16, 3, 1, 2, 5, 3, 2, 1, 1, 2)
# To save space: the same layer of the other embedders has its gradient.
LEFT_OUT = [f"{name}_embedder.mlp.0._flax_linear.weight" for name in ("omega", "cfg_t_start", "cfg_t_end")]
GUIDANCE = (7.5, 0.4, 0.65)


def make_weights(generator):
    def deviation(name):
        if "norm" in name:
            return 1.0, 0.3
        if name.endswith("_scale"):
            return 0.5, 0.2
        return 0.0, 0.3 if "attn" in name else 0.2

    weights = random_weights(parameter_shapes(CONFIG), generator, deviation)
    # To save space; all values are computed with the rounded ones.
    return {name: value.half().float() for name, value in weights.items()}


if __name__ == "__main__":
    prepare()
    generator = torch.Generator().manual_seed(300)
    weights = make_weights(generator)
    shape = [3, CONFIG.channels, CONFIG.input_size, CONFIG.input_size]
    z, target, tangent, noise = (torch.randn(shape, generator=generator) for _ in range(4))
    span, omega = torch.tensor([0.0, 0.37, 1.0]), torch.tensor([1.0, 2.5, 8.0])
    low, high = torch.tensor([0.0, 0.4, 0.25]), torch.tensor([1.0, 0.65, 0.75])
    y = torch.tensor([1, CONFIG.classes, 3])

    def run(dtype):
        leaves = {name: value.clone().to(dtype).requires_grad_() for name, value in weights.items()}
        network = MeanFlowNetwork(CONFIG, leaves)
        numbers = [value.to(dtype) for value in (omega, low, high)]
        u, v = network(z.to(dtype), span.to(dtype), *numbers, y)
        loss = (u - target.to(dtype)).square().mean() + (v + target.to(dtype)).square().mean()
        loss.backward()
        gradients = {name: leaf.grad for name, leaf in leaves.items()}
        # Along z with `tangent`, and along t with 1.
        _, slope = torch.func.jvp(
            lambda z, span: network(z, span, *numbers, y)[0],
            (z.to(dtype), span.to(dtype)),
            (tangent.to(dtype), torch.ones(3, dtype=dtype)),
        )
        samples = [sampled(network, noise.to(dtype), steps, *GUIDANCE, y) for steps in (1, 2, 4)]
        values = {"average": u, "instantaneous": v, "loss": loss, "slope": slope}
        values |= {f"steps.{len(sample) - 1}": sample for sample in samples}
        return values, gradients

    values, gradients = run(torch.float32)
    wide_values, wide_gradients = run(torch.float64)
    for name, value in wide_values.items():
        check(f"{name} against float64", values[name], value, 3e-6)
    worst = max(gradients, key=lambda name: relative_error(gradients[name], wide_gradients[name]))
    check(f"gradients against float64 ({worst})", gradients[worst], wide_gradients[worst], 1e-5)
    tensors = {"z": z, "span": span, "omega": omega, "low": low, "high": high, "y": y}
    tensors |= {"target": target, "tangent": tangent, "noise": noise}
    tensors |= {name: value.float() for name, value in wide_values.items()}
    tensors |= {f"weights.{name}": value.half() for name, value in weights.items()}
    tensors |= {
        f"gradients.{name}": value.float() for name, value in wide_gradients.items() if name not in LEFT_OUT
    }
    header = asdict(CONFIG) | {"order": list(weights), "guidance": GUIDANCE}
    write_tensors("meanflow", tensors, header)
