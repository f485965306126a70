#!/usr/bin/env python3
"""Times iMF-XL/2, random weights, one image of 256 px without its decoding: `dit sample` and PyTorch in turn.

Usage: meanflow.py FOLDER [--rounds N] [--steps N] [--threads N] [--precisions fp32 bf16 int8]
FOLDER gets the weights (2.2 GB) unless they are there. Prints a table of seconds per step, which is an image in one step,
and peak memory.
"""

import pairs


def run_dit(options, precision):
    report, _ = pairs.run_dit(
        options, precision, "--dit-checkpoint", f"{options.folder}/imf.pth", "--vae-checkpoint", "none")
    return report


def main():
    options = pairs.parser(__doc__, ["fp32", "bf16", "int8"]).parse_args()
    print("| | s/step | peak GB |\n|---|---|---|")
    for name, median in pairs.medians(options, "meanflow.py", "imf.pth", run_dit):
        print(f"| {name} | {median('seconds_per_step'):.2f} | {median('peak_memory_bytes') / 1e9:.1f} |")


if __name__ == "__main__":
    main()
