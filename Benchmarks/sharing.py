#!/usr/bin/env python3
"""Measures how waiting threads share the processor, for several spin counts of libgomp.

Usage: Benchmarks/sharing.py PROGRAM [--models DiT-S/8,DiT-B/4] [--spins default,passive,10000]
           [--rounds 5] [--seconds 2]

For each model and spin count: seconds a step alone, of two processes side by side (the slower one), and
next to one process that keeps a core busy. The counts take turns in each round, so that a slow moment of
the machine affects all of them. `own` sets nothing, which leaves the choice to the program; `default` is
libgomp's own count, `passive` is OMP_WAIT_POLICY=passive.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

# libgomp spins this often if neither variable is set and each thread has a processor.
DEFAULT_SPINS = "300000"
BUSY = "while True: pass"


def environment(spins):
    """The variables of one spin count."""
    values = {name: value for name, value in os.environ.items()
              if name not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    if spins == "passive":
        values["OMP_WAIT_POLICY"] = "passive"
    elif spins != "own":
        values["GOMP_SPINCOUNT"] = DEFAULT_SPINS if spins == "default" else spins
    return values


def start(program, model, steps, spins):
    command = [program, "benchmark", "sample", "--model-name", model, "--precision", "fp32",
               "--steps", str(steps), "--json"]
    return subprocess.Popen(
        command, env=environment(spins), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def seconds(processes):
    """The slowest process's median seconds a step."""
    found = []
    for process in processes:
        text, _ = process.communicate()
        if process.returncode != 0:
            sys.exit(f"sharing: the program ended with status {process.returncode}")
        found.append(json.loads(text)["seconds_per_step"])
    return max(found)


def measure(program, model, steps, spins):
    """Seconds a step alone, of two side by side, next to a busy process."""
    alone = seconds([start(program, model, steps, spins)])
    paired = seconds([start(program, model, steps, spins) for _ in range(2)])
    busy = subprocess.Popen([sys.executable, "-c", BUSY])
    try:
        crowded = seconds([start(program, model, steps, spins)])
    finally:
        busy.kill()
        busy.wait()
    return alone, paired, crowded


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--models", default="DiT-S/8,DiT-S/2,DiT-B/4,DiT-XL/2")
    parser.add_argument("--spins", default="default,passive,own")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    options = parser.parse_args()
    program, spins = options.program.resolve(), options.spins.split(",")
    for model in options.models.split(","):
        first = seconds([start(program, model, 3, "default")])
        steps = max(3, round(options.seconds / first))
        times = {one: [] for one in spins}
        for number in range(options.rounds):
            for one in spins if number % 2 == 0 else reversed(spins):
                times[one].append(measure(program, model, steps, one))
        print(f"{model}, {steps} steps, seconds a step (ratios of rounds, median)", flush=True)
        reference = [alone for alone, _, _ in times[spins[0]]]
        for one in spins:
            alone, paired, crowded = (statistics.median(column) for column in zip(*times[one]))
            change = statistics.median(now[0] / then for now, then in zip(times[one], reference))
            side = statistics.median(pair / single for single, pair, _ in times[one])
            print(f"  {one:>8}: alone {alone:.4f} ({change:.3f}), side by side {paired:.4f}"
                  f" ({side:.2f} x alone), next to a busy core {crowded:.4f}", flush=True)


if __name__ == "__main__":
    main()
