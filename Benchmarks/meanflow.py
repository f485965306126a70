#!/usr/bin/env python3
"""Times iMF-XL/2, random weights, one image of 256 px without its decoding: `dit sample` and PyTorch in turn.

Usage: meanflow.py FOLDER [--rounds N] [--steps N] [--threads N] [--precisions fp32 bf16 int8]
FOLDER gets the weights (2.2 GB) unless they are there. Prints a table of seconds per step, which is an image in one step,
and peak memory.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = ROOT / ".build/release/dit"
PEER = ROOT / "Benchmarks/peer/meanflow.py"


def run_peer(options):
    command = [sys.executable, PEER, "run", options.folder, "--steps", str(options.steps)]
    if options.threads:
        command += ["--threads", str(options.threads)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def run_dit(options, precision):
    with tempfile.TemporaryDirectory() as output:
        command = [
            str(options.program), "sample", "--dit-checkpoint", f"{options.folder}/imf.pth", "--vae-checkpoint", "none",
            "--class-labels", "207", "--sampling-steps", str(options.steps + 1), "--precision", precision,
            "--save-latents", f"{output}/latents", "--output-path", output, "--force",
        ]
        if options.threads:
            command += ["--threads", str(options.threads)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        errors = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            sys.exit(errors)
        report = json.loads((pathlib.Path(output) / "sample.json").read_text())
        return {
            "seconds_per_step": report["seconds_per_step"], "peak_memory_bytes": usage.ru_maxrss * 1024,
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=5, help="timed steps, after one warm-up step")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--precisions", nargs="+", default=["fp32", "bf16", "int8"])
    parser.add_argument("--program", type=pathlib.Path, default=PROGRAM)
    options = parser.parse_args()
    if not (options.folder / "imf.pth").exists():
        subprocess.run([sys.executable, PEER, "make", options.folder], check=True)
    runs = {"PyTorch eager fp32": lambda: run_peer(options)}
    runs |= {f"dit {p}": lambda p=p: run_dit(options, p) for p in options.precisions}
    results = {name: [] for name in runs}
    for _ in range(options.rounds):
        for name, run in runs.items():
            results[name].append(run())
    print("| | s/step | peak GB |\n|---|---|---|")
    for name, reports in results.items():
        def median(key):
            return statistics.median(report[key] for report in reports)
        print(f"| {name} | {median('seconds_per_step'):.2f} | {median('peak_memory_bytes') / 1e9:.1f} |")


if __name__ == "__main__":
    main()
