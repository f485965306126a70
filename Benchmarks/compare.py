#!/usr/bin/env python3
"""Alternates runs of `dit` and of PyTorch, and prints medians and ratios as a table.

Each round runs every contestant once, one after the other. A ratio compares runs of one round, and
the table has the median over the rounds, so that a machine that is slower for a while does not
favour anyone.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = ROOT / ".build/release/dit"
PEER = ROOT / "Benchmarks/peer/sample_step.py"
BASELINE = "PyTorch eager fp32"


def contestants(options):
    """Names and commands, the baseline first."""
    shape = [
        *("--model-name", options.model_name, "--image-size", str(options.image_size)),
        *("--batch-size", str(options.batch_size), "--steps", str(options.steps)),
    ]
    if options.threads:
        shape += ["--threads", str(options.threads)]
    peer = [sys.executable, str(PEER), *shape]
    result = {BASELINE: peer}
    if options.compile:
        result["PyTorch compiled fp32"] = [*peer, "--compile"]
    if "bf16" in options.precisions:
        result["PyTorch eager bf16"] = [*peer, "--precision", "bf16"]
    for precision in options.precisions:
        result[f"dit {precision}"] = [
            *(str(PROGRAM), "benchmark", "sample", *shape, "--precision", precision, "--json")
        ]
    return result


def measured(command):
    """The seconds that a step took; ends the program if the command fails."""
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"compare: {' '.join(command)} failed:\n{run.stderr.strip()}")
    return json.loads(run.stdout)["seconds_per_step"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model-name", default="DiT-XL/2")
    parser.add_argument("--image-size", type=int, default=256)
    parser.add_argument("--batch-size", type=int, default=2, help="rows of the network")
    parser.add_argument("--steps", type=int, default=3, help="timed in each run")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--precisions", nargs="+", default=["fp32", "bf16", "int8"])
    parser.add_argument("--compile", action="store_true", help="also time torch.compile")
    options = parser.parse_args()
    if not PROGRAM.is_file():
        sys.exit(f"compare: {PROGRAM} is not there; run `make build` first")
    commands = contestants(options)
    times = {name: [] for name in commands}
    for round_number in range(1, options.rounds + 1):
        for name, command in commands.items():
            times[name].append(measured(command))
            note = f"round {round_number}: {name} {times[name][-1]:.3f} s"
            print(note, file=sys.stderr, flush=True)
    print(
        f"{options.model_name}, {options.image_size} px, {options.batch_size} rows, medians of"
        f" {options.rounds} rounds of {options.steps} steps\n"
    )
    print("| | s/step | times as fast |\n|---|---|---|")
    for name, values in times.items():
        ratios = [base / value for base, value in zip(times[BASELINE], values)]
        print(f"| {name} | {statistics.median(values):.3f} | {statistics.median(ratios):.2f} |")


if __name__ == "__main__":
    main()
