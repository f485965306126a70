#!/usr/bin/env python3
"""Times LightningDiT-XL/1 with VA-VAE, random weights, one guided image of 256 px: `dit sample` and PyTorch in turn.

Usage: lightning.py FOLDER [--rounds N] [--steps N] [--threads N] [--precisions fp32 int8]
FOLDER gets the weights (2.9 GB) unless they are there. Prints a table of seconds per step, seconds to decode, an image's
seconds with the published 249 steps, of which 31 are not guided (half the cost), and peak memory.
"""

import re

import pairs


def published_seconds(step, decoding, count=249, shift=0.3, start=0.125):
    times = [shift * n / count / (1 + (shift - 1) * n / count) for n in range(count)]
    return sum(step if t >= start else step / 2 for t in times) + decoding


def run_dit(options, precision):
    folder = options.folder
    report, errors = pairs.run_dit(
        options, precision, "--dit-checkpoint", f"{folder}/dit.pt", "--vae-checkpoint", f"{folder}/vae.pt",
        "--latent-stats", f"{folder}/latents_stats.pt", "--guidance-interval", "0,1")
    number, unit = re.search(r"([\d.]+) (ms|s) to decode", errors).groups()
    return report | {"decode_seconds": float(number) * (0.001 if unit == "ms" else 1)}


def main():
    options = pairs.parser(__doc__, ["fp32", "int8"]).parse_args()
    print("| | s/step | decoding s | image s | peak GB |\n|---|---|---|---|---|")
    for name, median in pairs.medians(options, "lightning.py", "latents_stats.pt", run_dit):
        step, decoding = median("seconds_per_step"), median("decode_seconds")
        print(f"| {name} | {step:.2f} | {decoding:.2f} | {published_seconds(step, decoding):.0f} |"
              f" {median('peak_memory_bytes') / 1e9:.1f} |")


if __name__ == "__main__":
    main()
