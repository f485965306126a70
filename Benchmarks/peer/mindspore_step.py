#!/usr/bin/env python3
"""Times denoising steps of a DiT in MindSpore's graph mode, like `sample_step.py` in PyTorch.

The same network with random weights, on the CPU. Prints one JSON object.
"""

import argparse
import json
import os
import resource
import statistics
import time

import mindspore as ms
import numpy as np
from mindspore import nn, ops

SIZES = {"S": (384, 12, 6), "B": (768, 12, 12), "L": (1024, 24, 16), "XL": (1152, 28, 16)}
CLASS_COUNT = 1000
CHANNELS = 4


class Norm(nn.Cell):
    """Layer norm without parameters, then the given shift and scale."""

    def __init__(self, width):
        super().__init__()
        self.norm = ops.LayerNorm(-1, -1, epsilon=1e-6)
        self.ones = ms.Tensor(np.ones(width, np.float32))
        self.zeros = ms.Tensor(np.zeros(width, np.float32))

    def construct(self, x, shift, scale):
        y, _, _ = self.norm(x, self.ones, self.zeros)
        return y * (1 + scale.expand_dims(1)) + shift.expand_dims(1)


class Block(nn.Cell):
    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.scale = heads, (width // heads) ** -0.5
        self.norm = Norm(width)
        self.qkv = nn.Dense(width, 3 * width)
        self.proj = nn.Dense(width, width)
        self.fc1 = nn.Dense(width, 4 * width)
        self.fc2 = nn.Dense(4 * width, width)
        self.gelu = nn.GELU(approximate=True)
        self.modulation = nn.Dense(width, 6 * width)

    def attention(self, x):
        n, t, d = x.shape
        heads = self.qkv(x).reshape(n, t, 3, self.heads, d // self.heads).transpose(2, 0, 3, 1, 4)
        scores = ops.softmax(ops.matmul(heads[0] * self.scale, heads[1].swapaxes(-1, -2)), axis=-1)
        return self.proj(ops.matmul(scores, heads[2]).swapaxes(1, 2).reshape(n, t, d))

    def construct(self, x, c):
        m = ops.chunk(self.modulation(ops.silu(c)), 6, axis=1)
        x = x + m[2].expand_dims(1) * self.attention(self.norm(x, m[0], m[1]))
        h = self.fc2(self.gelu(self.fc1(self.norm(x, m[3], m[4]))))
        return x + m[5].expand_dims(1) * h


class DiT(nn.Cell):
    def __init__(self, name, size):
        super().__init__()
        family, patch = name.removeprefix("DiT-").split("/")
        width, depth, heads = SIZES[family]
        self.patch = int(patch)
        self.grid = size // self.patch
        self.embed = nn.Conv2d(
            CHANNELS, width, self.patch, self.patch, pad_mode="valid", has_bias=True)
        self.positions = ms.Parameter(
            ms.Tensor(np.random.randn(1, self.grid**2, width).astype(np.float32)))
        self.time = nn.SequentialCell(nn.Dense(256, width), nn.SiLU(), nn.Dense(width, width))
        self.labels = nn.Embedding(CLASS_COUNT + 1, width)
        self.blocks = nn.CellList([Block(width, heads) for _ in range(depth)])
        self.norm = Norm(width)
        self.modulation = nn.Dense(width, 2 * width)
        self.linear = nn.Dense(width, self.patch**2 * 2 * CHANNELS)
        self.rates = ms.Tensor(np.exp(-np.log(10000) / 128 * np.arange(128)).astype(np.float32))

    def construct(self, x, t, y):
        x = self.embed(x).flatten(start_dim=2).swapaxes(1, 2) + self.positions
        angles = t.expand_dims(1) * self.rates
        c = self.time(ops.concat((angles.cos(), angles.sin()), axis=1)) + self.labels(y)
        for block in self.blocks:
            x = block(x, c)
        shift, scale = ops.chunk(self.modulation(ops.silu(c)), 2, axis=1)
        x = self.linear(self.norm(x, shift, scale))
        g, p = self.grid, self.patch
        x = x.reshape(x.shape[0], g, g, p, p, 2 * CHANNELS).transpose(0, 5, 1, 3, 2, 4)
        return x.reshape(x.shape[0], 2 * CHANNELS, g * p, g * p)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model-name", default="DiT-XL/2")
    parser.add_argument("--image-size", type=int, default=256)
    parser.add_argument("--batch-size", type=int, default=2, help="batch of the network")
    parser.add_argument("--steps", type=int, default=3, help="timed steps, after one warm-up step")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    ms.set_context(mode=ms.GRAPH_MODE)
    ms.set_device("CPU")
    ms.runtime.set_cpu_affinity(False)
    ms.set_context(runtime_num_threads=options.threads)
    np.random.seed(0)
    size, rows = options.image_size // 8, options.batch_size
    model = DiT(options.model_name, size)
    model.set_train(False)
    x = ms.Tensor(np.random.randn(rows, CHANNELS, size, size).astype(np.float32))
    y = ms.Tensor([0] * ((rows + 1) // 2) + [CLASS_COUNT] * (rows // 2), ms.int32)
    times = []
    for step in reversed(range(options.steps + 1)):
        start = time.perf_counter()
        model(x, ms.Tensor([float(step)] * rows), y).sum().asnumpy()
        times.append(time.perf_counter() - start)
    print(
        json.dumps(
            {
                "seconds_per_step": statistics.median(times[1:]),
                "first_step_seconds": times[0],
                "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                "threads": options.threads,
                "mindspore": ms.__version__,
            }
        )
    )


if __name__ == "__main__":
    main()
