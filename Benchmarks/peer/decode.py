#!/usr/bin/env python3
"""Times an AutoencoderKL decoding latents in plain PyTorch: what `dit benchmark decode` is measured
against.

The network is the decoder of sd-vae-ft-mse (Rombach et al. 2022, appendix G) with random weights, as
diffusers writes it. Prints one JSON object.
"""

import argparse
import json
import resource
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F

CHANNELS = (512, 512, 256, 128)
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


def decoder():
    width = CHANNELS[0]
    layers = [
        nn.Conv2d(LATENTS, LATENTS, 1), nn.Conv2d(LATENTS, width, 3, padding=1),
        Residual(width, width), Attention(width), Residual(width, width),
    ]
    for stage, channels in enumerate(CHANNELS):
        layers.append(Residual(CHANNELS[max(stage - 1, 0)], channels))
        layers += [Residual(channels, channels) for _ in range(2)]
        if stage + 1 < len(CHANNELS):
            layers.append(Upsample(channels))
    last = CHANNELS[-1]
    return nn.Sequential(*layers, norm(last), nn.SiLU(), nn.Conv2d(last, 3, 3, padding=1))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image-size", type=int, default=256)
    parser.add_argument("--batch-size", type=int, default=1)
    parser.add_argument("--steps", type=int, default=3, help="timed, after one that is not")
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--compile", action="store_true", help="run under torch.compile")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    model = decoder().eval()
    size = options.image_size // 8
    latents = torch.randn(options.batch_size, LATENTS, size, size)
    if options.channels_last:
        model = model.to(memory_format=torch.channels_last)
        latents = latents.contiguous(memory_format=torch.channels_last)
    decode = torch.compile(model) if options.compile else model
    times = []
    with torch.inference_mode():
        for _ in range(options.steps + 1):
            start = time.perf_counter()
            decode(latents).sum().item()
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
