#!/usr/bin/env python3
"""Alternates runs of `dit` and of PyTorch, and prints medians and ratios as a table.

Each round runs every contestant once, one after the other. A ratio compares runs of one round, and
the table has the median over the rounds, so that a machine that is slower for a while does not
favour anyone. On a machine that others use at the same time, --cpu-time counts processor seconds on
one thread instead of seconds that pass.
"""

import argparse
import json
import os
import pathlib
import resource
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
        *("--batch-size", str(options.batch_size)),
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


def run(command, steps, environment=None):
    """What a command says of some steps; ends the program if it fails."""
    command = [*command, "--steps", str(steps)]
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    if result.returncode != 0:
        sys.exit(f"compare: {' '.join(command)} failed:\n{result.stderr.strip()}")
    return json.loads(result.stdout)


def processor_seconds(command, steps):
    """Processor seconds of a whole run on one thread."""

    def total():
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    start = total()
    run(command, steps, {**os.environ, "OMP_NUM_THREADS": "1"})
    return total() - start


def measured(command, options):
    """The seconds that a step takes; of processor time the difference of two runs, which leaves out
    what comes before the steps."""
    if not options.cpu_time:
        return run(command, options.steps)["seconds_per_step"]
    more = processor_seconds(command, options.steps + 1)
    return (more - processor_seconds(command, 1)) / options.steps


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model-name", default="DiT-XL/2")
    parser.add_argument("--image-size", type=int, default=256)
    parser.add_argument("--batch-size", type=int, default=2, help="rows of the network")
    parser.add_argument("--steps", type=int, default=3, help="timed in each run")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--precisions", nargs="+", default=["fp32", "bf16", "int8"])
    parser.add_argument(
        "--cpu-time", action="store_true", help="count processor seconds on one thread"
    )
    parser.add_argument("--compile", action="store_true", help="also time torch.compile")
    options = parser.parse_args()
    if options.cpu_time:
        options.threads = 1
    if not PROGRAM.is_file():
        sys.exit(f"compare: {PROGRAM} is not there; run `make build` first")
    commands = contestants(options)
    times = {name: [] for name in commands}
    for round_number in range(1, options.rounds + 1):
        for name, command in commands.items():
            times[name].append(measured(command, options))
            note = f"round {round_number}: {name} {times[name][-1]:.3f} s"
            print(note, file=sys.stderr, flush=True)
    print(
        f"{options.model_name}, {options.image_size} px, {options.batch_size} rows, medians of"
        f" {options.rounds} rounds of {options.steps} steps"
        f"{', processor seconds on one thread' if options.cpu_time else ''}\n"
    )
    print("| | s/step | times as fast |\n|---|---|---|")
    for name, values in times.items():
        ratios = [base / value for base, value in zip(times[BASELINE], values)]
        print(f"| {name} | {statistics.median(values):.3f} | {statistics.median(ratios):.2f} |")


if __name__ == "__main__":
    main()
