#!/usr/bin/env python3
"""Times denoising steps of a DiT in plain PyTorch: the baseline of `dit benchmark sample`.

The network is the published architecture (Peebles & Xie 2023, section 3) with random weights, without
further tuning. Prints one JSON object.
"""

import argparse
import json
import math
import resource
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F

SIZES = {"S": (384, 12, 6), "B": (768, 12, 12), "L": (1024, 24, 16), "XL": (1152, 28, 16)}
CLASS_COUNT = 1000
CHANNELS = 4


def modulate(x, shift, scale):
    return x * (1 + scale.unsqueeze(1)) + shift.unsqueeze(1)


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width, eps=1e-6, elementwise_affine=False)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)
        self.modulation = nn.Linear(width, 6 * width)

    def attention(self, x):
        n, t, d = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, t, d))

    def mlp(self, x):
        return self.fc2(F.gelu(self.fc1(x), approximate="tanh"))

    def forward(self, x, c):
        shift1, scale1, gate1, shift2, scale2, gate2 = self.modulation(F.silu(c)).chunk(6, dim=1)
        x = x + gate1.unsqueeze(1) * self.attention(modulate(self.norm(x), shift1, scale1))
        return x + gate2.unsqueeze(1) * self.mlp(modulate(self.norm(x), shift2, scale2))


class DiT(nn.Module):
    def __init__(self, name, size):
        super().__init__()
        family, patch = name.removeprefix("DiT-").split("/")
        width, depth, heads = SIZES[family]
        self.patch = int(patch)
        self.grid = size // self.patch
        self.embed = nn.Conv2d(CHANNELS, width, self.patch, self.patch)
        self.positions = nn.Parameter(torch.randn(1, self.grid**2, width))
        self.time = nn.Sequential(nn.Linear(256, width), nn.SiLU(), nn.Linear(width, width))
        self.labels = nn.Embedding(CLASS_COUNT + 1, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=1e-6, elementwise_affine=False)
        self.modulation = nn.Linear(width, 2 * width)
        self.linear = nn.Linear(width, self.patch**2 * 2 * CHANNELS)

    def forward(self, x, t, y):
        x = self.embed(x).flatten(2).transpose(1, 2) + self.positions
        places = torch.arange(128, dtype=torch.float32, device=x.device)
        rates = torch.exp(-math.log(10000) / 128 * places)
        angles = t[:, None].float() * rates
        waves = torch.cat([angles.cos(), angles.sin()], dim=1).to(x.dtype)
        c = self.time(waves) + self.labels(y)
        for block in self.blocks:
            x = block(x, c)
        shift, scale = self.modulation(F.silu(c)).chunk(2, dim=1)
        x = self.linear(modulate(self.norm(x), shift, scale))
        g, p = self.grid, self.patch
        x = x.reshape(len(x), g, g, p, p, 2 * CHANNELS).permute(0, 5, 1, 3, 2, 4)
        return x.reshape(len(x), 2 * CHANNELS, g * p, g * p)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model-name", default="DiT-XL/2")
    parser.add_argument("--image-size", type=int, default=256)
    parser.add_argument("--batch-size", type=int, default=2, help="batch of the network")
    parser.add_argument("--steps", type=int, default=3, help="timed steps, after one warm-up step")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--compile", action="store_true", help="run under torch.compile")
    parser.add_argument("--compile-mode", default="default", help="mode of torch.compile")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    torch.manual_seed(0)
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[options.precision]
    size, rows = options.image_size // 8, options.batch_size
    device = options.device
    model = DiT(options.model_name, size).to(device, dtype).eval()
    network = torch.compile(model, mode=options.compile_mode) if options.compile else model
    x = torch.randn(rows, CHANNELS, size, size).to(device, dtype)
    y = torch.tensor([0] * ((rows + 1) // 2) + [CLASS_COUNT] * (rows // 2), device=device)
    times = []
    with torch.inference_mode():
        for step in reversed(range(options.steps + 1)):
            start = time.perf_counter()
            network(x, torch.full((rows,), step, device=device), y).sum().item()
            times.append(time.perf_counter() - start)
    print(
        json.dumps(
            {
                "seconds_per_step": statistics.median(times[1:]),
                "first_step_seconds": times[0],
                "precision": options.precision,
                "compiled": options.compile and options.compile_mode,
                "device": device,
                "peak_device_memory_bytes": (
                    torch.cuda.max_memory_allocated() if device.startswith("cuda") else None
                ),
                "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                "threads": torch.get_num_threads(),
                "torch": torch.__version__,
            }
        )
    )


if __name__ == "__main__":
    main()
