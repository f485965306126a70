#!/usr/bin/env python3
"""Times LightningDiT-XL/1 with VA-VAE, random weights, one guided image of 256 px: `dit sample` and PyTorch in turn.

Usage: lightning.py FOLDER [--rounds N] [--steps N] [--threads N] [--precisions fp32 int8]
FOLDER gets the weights (2.9 GB) unless they are there. Prints a table of seconds per step, seconds to decode, an image's
seconds with the published 249 steps, of which 31 are not guided (half the cost), and peak memory.
"""

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = ROOT / ".build/release/dit"
PEER = ROOT / "Benchmarks/peer/lightning.py"


def published_seconds(step, decoding, count=249, shift=0.3, start=0.125):
    times = [shift * n / count / (1 + (shift - 1) * n / count) for n in range(count)]
    return sum(step if t >= start else step / 2 for t in times) + decoding


def run_peer(options):
    command = [sys.executable, PEER, "run", options.folder, "--steps", str(options.steps)]
    if options.threads:
        command += ["--threads", str(options.threads)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def run_dit(options, precision):
    with tempfile.TemporaryDirectory() as output:
        folder = options.folder
        command = [
            str(PROGRAM), "sample", "--dit-checkpoint", f"{folder}/dit.pt", "--vae-checkpoint", f"{folder}/vae.pt",
            "--latent-stats", f"{folder}/latents_stats.pt", "--class-labels", "207", "--guidance-interval", "0,1",
            "--sampling-steps", str(options.steps + 1), "--precision", precision, "--output-path", output, "--force",
        ]
        if options.threads:
            command += ["--threads", str(options.threads)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        errors = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            sys.exit(errors)
        report = json.loads((pathlib.Path(output) / "sample.json").read_text())
        number, unit = re.search(r"([\d.]+) (ms|s) to decode", errors).groups()
        return {
            "seconds_per_step": report["seconds_per_step"],
            "decode_seconds": float(number) * (0.001 if unit == "ms" else 1),
            "peak_memory_bytes": usage.ru_maxrss * 1024,
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=5, help="timed steps, after one warm-up step")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--precisions", nargs="+", default=["fp32", "int8"])
    options = parser.parse_args()
    if not (options.folder / "latents_stats.pt").exists():
        subprocess.run([sys.executable, PEER, "make", options.folder], check=True)
    runs = {"PyTorch eager fp32": lambda: run_peer(options)}
    runs |= {f"dit {p}": lambda p=p: run_dit(options, p) for p in options.precisions}
    results = {name: [] for name in runs}
    for _ in range(options.rounds):
        for name, run in runs.items():
            results[name].append(run())
    print("| | s/step | decoding s | image s | peak GB |\n|---|---|---|---|---|")
    for name, reports in results.items():
        def median(key):
            return statistics.median(report[key] for report in reports)
        step, decoding = median("seconds_per_step"), median("decode_seconds")
        print(f"| {name} | {step:.2f} | {decoding:.2f} | {published_seconds(step, decoding):.0f} |"
              f" {median('peak_memory_bytes') / 1e9:.1f} |")


if __name__ == "__main__":
    main()
