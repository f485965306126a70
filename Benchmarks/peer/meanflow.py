#!/usr/bin/env python3
"""iMF-XL/2 in plain PyTorch, with weights from a file: the baseline of Benchmarks/meanflow.py.

Usage: meanflow.py make FOLDER | meanflow.py run FOLDER [--steps N] [--threads N]
`make` writes random weights in the published form, without the head of the instantaneous velocity: imf.pth. `run` times
steps for one image, each with one pass of the network, and prints one JSON object.
"""

import pathlib
import sys
import time

import torch
from torch.nn import functional as F

import large_model

# Before this folder, whose meanflow.py is this file.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "tools/golden"))
import meanflow

CONFIG = meanflow.MeanFlowConfig(
    input_size=32, channels=4, patch_size=2, hidden_size=1024, depth=48, head_depth=8, heads=16, classes=1000)


class Network(meanflow.MeanFlowNetwork):
    """The network of the golden values, with PyTorch's own attention and norms, and rotations from a table."""

    def __init__(self, weights):
        # The average velocity alone.
        self.config, self.weights = CONFIG, weights
        turns = meanflow.turns(CONFIG.hidden_size // CONFIG.heads, CONFIG.prefix + CONFIG.grid**2)
        self.cosines, self.sines = turns.real.float(), turns.imag.float()

    def average(self, z, span, omega, low, high, y):
        x = self.tokens(z, span, omega, low, high, y)
        shared = CONFIG.depth - CONFIG.head_depth
        for name in [f"shared_blocks.{i}" for i in range(shared)] + [f"u_heads.{i}" for i in range(CONFIG.head_depth)]:
            x = self.block(name, x)
        return self.final("u_final_layer", x)

    def linear(self, name, x):
        weights = self.weights
        return F.linear(x, weights[f"{name}.{meanflow.LINEAR}.weight"], weights.get(f"{name}.{meanflow.LINEAR}.bias"))

    def norm(self, name, x):
        return F.rms_norm(x, x.shape[-1:], self.weights[f"{name}.weight"], 1e-6)

    def turned(self, x):
        a, b = x.unflatten(-1, (-1, 2)).unbind(-1)
        c, s = self.cosines, self.sines
        return torch.stack([a * c - b * s, b * c + a * s], dim=-1).flatten(3)

    def attention(self, name, x):
        def heads(part):
            return self.linear(f"{name}.{part}_proj", x).unflatten(2, (CONFIG.heads, -1)).transpose(1, 2)

        q, k = (self.turned(self.norm(f"{name}.{part}_norm", heads(part))) for part in ("q", "k"))
        mixed = F.scaled_dot_product_attention(q, k, heads("v"))
        return self.linear(f"{name}.out_proj", mixed.transpose(1, 2).flatten(2))


def make(folder):
    torch.manual_seed(0)
    state = {}
    for name, shape in meanflow.parameter_shapes(CONFIG).items():
        if name.startswith(("v_heads", "v_final_layer")):
            continue
        if "norm" in name or name.endswith("_scale"):
            state[name] = torch.ones(shape) * (1 if "norm" in name else 0.1)
        else:
            fan = torch.Size(shape[1:]).numel() if len(shape) > 1 else 2500
            state[name] = torch.randn(shape) / fan**0.5
    folder.mkdir(parents=True, exist_ok=True)
    torch.save({f"net.{name}": tensor for name, tensor in state.items()}, folder / "imf.pth")


def run(folder, steps):
    state = torch.load(folder / "imf.pth")
    network = Network({name.removeprefix("net."): tensor for name, tensor in state.items()})
    x, y, times = torch.randn(1, 4, 32, 32), torch.tensor([207]), []
    numbers = [torch.tensor([value]) for value in (4.0, 0.36, 0.64)]
    with torch.inference_mode():
        for _ in range(steps + 1):
            start = time.perf_counter()
            x = x - network.average(x, torch.tensor([1 / (steps + 1)]), *numbers, y) / (steps + 1)
            x.sum().item()
            times.append(time.perf_counter() - start)
    large_model.report(times)


if __name__ == "__main__":
    large_model.main(__doc__, make, run)
