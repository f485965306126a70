#!/usr/bin/env python3
"""Times the encoder or decoder of an AutoencoderKL in plain PyTorch: the baseline of `dit benchmark
encode` and `dit benchmark decode`.

The network has the architecture of sd-vae-ft-mse (Rombach et al. 2022, appendix G), written like
diffusers', with random weights. Prints one JSON object.
"""

import argparse
import json
import resource
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F

CHANNELS = (128, 256, 512, 512)
LATENTS = 4


def norm(channels):
    return nn.GroupNorm(32, channels, eps=1e-6)


class Residual(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.norm1, self.norm2 = norm(inputs), norm(outputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x):
        h = self.conv1(F.silu(self.norm1(x)))
        return self.shortcut(x) + self.conv2(F.silu(self.norm2(h)))


class Attention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = norm(channels)
        self.query, self.key, self.value, self.out = (
            nn.Linear(channels, channels) for _ in range(4)
        )

    def forward(self, x):
        n, c, h, w = x.shape
        tokens = self.norm(x.view(n, c, h * w)).transpose(1, 2)
        heads = (layer(tokens).unsqueeze(1) for layer in (self.query, self.key, self.value))
        mixed = self.out(F.scaled_dot_product_attention(*heads).squeeze(1))
        return x + mixed.transpose(1, 2).reshape(n, c, h, w)


class Upsample(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


class Downsample(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x):
        return self.conv(F.pad(x, (0, 1, 0, 1)))


def middle(width):
    return [Residual(width, width), Attention(width), Residual(width, width)]


def stages(widths, block_count, resize):
    layers = []
    for stage, channels in enumerate(widths):
        layers.append(Residual(widths[max(stage - 1, 0)], channels))
        layers += [Residual(channels, channels) for _ in range(block_count - 1)]
        if stage + 1 < len(widths):
            layers.append(resize(channels))
    return layers


def encoder():
    first, last = CHANNELS[0], CHANNELS[-1]
    return nn.Sequential(
        nn.Conv2d(3, first, 3, padding=1), *stages(CHANNELS, 2, Downsample), *middle(last),
        norm(last), nn.SiLU(), nn.Conv2d(last, 2 * LATENTS, 3, padding=1),
        nn.Conv2d(2 * LATENTS, 2 * LATENTS, 1))


def decoder():
    first, last = CHANNELS[-1], CHANNELS[0]
    return nn.Sequential(
        nn.Conv2d(LATENTS, LATENTS, 1), nn.Conv2d(LATENTS, first, 3, padding=1), *middle(first),
        *stages(CHANNELS[::-1], 3, Upsample), norm(last), nn.SiLU(),
        nn.Conv2d(last, 3, 3, padding=1))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", choices=["encode", "decode"])
    parser.add_argument("--image-size", type=int, default=256)
    parser.add_argument("--batch-size", type=int, default=1)
    parser.add_argument("--steps", type=int, default=3, help="timed steps, after one warm-up step")
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--compile", action="store_true", help="run under torch.compile")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    if options.work == "encode":
        model, channels, size = encoder().eval(), 3, options.image_size
    else:
        model, channels, size = decoder().eval(), LATENTS, options.image_size // 8
    batch = torch.randn(options.batch_size, channels, size, size)
    if options.channels_last:
        model = model.to(memory_format=torch.channels_last)
        batch = batch.contiguous(memory_format=torch.channels_last)
    run = torch.compile(model) if options.compile else model
    times = []
    with torch.inference_mode():
        for _ in range(options.steps + 1):
            start = time.perf_counter()
            run(batch).sum().item()
            times.append(time.perf_counter() - start)
    print(
        json.dumps(
            {
                "seconds_per_batch": statistics.median(times[1:]),
                "first_batch_seconds": times[0],
                "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                "threads": torch.get_num_threads(),
                "torch": torch.__version__,
            }
        )
    )


if __name__ == "__main__":
    main()
