#!/usr/bin/env python3
"""Training by two processes of one thread against one process of two threads, alternating.

usage: Benchmarks/workers.py PROGRAM [--rounds 3] [--steps 4] [--model DiT-S/4] [--batch 32]
           [--shard-optimizer]

Prints the median seconds of a step of each round, images per second of both, their ratio, and how much
of the exchange of gradients was hidden behind the backward pass.
"""

import argparse
import json
import os
import pathlib
import random
import statistics
import subprocess
import tempfile
import types
from importlib.machinery import SourceFileLoader

ROOT = pathlib.Path(__file__).resolve().parent.parent
soak = types.ModuleType("soak")
SourceFileLoader("soak", str(ROOT / "scripts/soak")).exec_module(soak)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--model", default="DiT-S/4")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--shard-optimizer", action="store_true")
    options = parser.parse_args()
    two = ["--workers", "2"] + ["--shard-optimizer"] * options.shard_optimizer
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        soak.make_images(folder / "images", random.Random(1))
        medians = {"one": [], "two": []}
        hidden = []
        for number in range(options.rounds):
            for kind, threads, batch, more in (
                ("one", 2, options.batch, []),
                ("two", 1, options.batch // 2, two),
            ):
                run = f"{kind}{number}"
                # 32 x 32 pixels give as many tokens as the latents of 256 x 256.
                subprocess.run(
                    [
                        options.program.resolve(), "train", "--data-path", "images",
                        "--vae-checkpoint", "none", "--image-size", "32",
                        "--model-name", options.model, "--train-batch-size", str(batch),
                        "--max-steps", str(options.steps + 2), "--step-mode",
                        "--ckpt-save-interval", "1000000", "--output-path", run,
                        "--num-parallel-workers", "1", *more,
                    ],
                    cwd=folder, check=True, capture_output=True,
                    env={**os.environ, "OMP_NUM_THREADS": str(threads)})
                lines = (folder / run / "metrics.jsonl").read_text().splitlines()
                steps = [json.loads(line) for line in lines][2:]
                medians[kind].append(statistics.median(step["seconds"] for step in steps))
                if kind == "two":
                    busy = sum(step["exchange_seconds"] for step in steps)
                    exposed = sum(step["exposed_exchange_seconds"] for step in steps)
                    hidden.append(1 - exposed / busy)
            print(
                f"round {number + 1}: one process {medians['one'][-1]:.3f} s/step, two processes"
                f" {medians['two'][-1]:.3f} s/step, {hidden[-1]:.0%} of the exchange hidden",
                flush=True)
    ratios = [one / two for one, two in zip(medians["one"], medians["two"])]
    one, two = (options.batch / statistics.median(medians[kind]) for kind in ("one", "two"))
    print(
        f"{options.model}, {options.batch} images a step: {one:.1f} img/s by one process,"
        f" {two:.1f} by two; ratio {statistics.median(ratios):.2f}"
        f" ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
