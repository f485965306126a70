#!/usr/bin/env python3
"""Compares training with two processes of one thread and with one process of two threads.

Usage: Benchmarks/workers.py PROGRAM [--rounds 5] [--steps 2] [--model DiT-S/4] [--batch 32]
           [--shard-optimizer]

Both jobs stay alive and take turns: in each round one runs some steps, then the other, while a signal
stops the one that waits. So a slow moment of the machine affects both. Prints the mean seconds per step of
each round, the throughput of both, its ratio, and the share of the gradient all-reduce that was hidden
behind the backward pass.
"""

import argparse
import json
import os
import pathlib
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import types
from importlib.machinery import SourceFileLoader

ROOT = pathlib.Path(__file__).resolve().parent.parent
soak = types.ModuleType("soak")
SourceFileLoader("soak", str(ROOT / "scripts/soak")).exec_module(soak)


class Job:
    """A training run that only runs while steps are requested."""

    def __init__(self, folder, name, program, options, threads):
        self.metrics = folder / name / "metrics.jsonl"
        self.process = subprocess.Popen(
            [
                program, "train", "--data-path", "images", "--vae-checkpoint", "none",
                # 32 x 32 pixels give as many tokens as the latents of 256 x 256 pixels.
                "--image-size", "32", "--max-steps", "1000000", "--step-mode",
                "--ckpt-save-interval", "1000000", "--output-path", name,
                "--num-parallel-workers", "1", *options,
            ],
            cwd=folder, env={**os.environ, "OMP_NUM_THREADS": str(threads)},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def signal(self, number):
        pid = self.process.pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for one in (pid, *map(int, children)):
            os.kill(one, number)

    def lines(self):
        return self.metrics.read_text().splitlines() if self.metrics.exists() else []

    def wait_for(self, count):
        while len(self.lines()) < count:
            if self.process.poll() is not None:
                raise SystemExit(f"the run ended with status {self.process.returncode}")
            time.sleep(0.01)

    def steps(self, count):
        """Runs the job; returns the metrics of `count` steps that began and ended in this turn."""
        self.signal(signal.SIGCONT)
        # The next step to end may have begun in an earlier turn.
        first = len(self.lines()) + 1
        self.wait_for(first + count)
        self.signal(signal.SIGSTOP)
        return [json.loads(line) for line in self.lines()[first:first + count]]

    def end(self):
        self.signal(signal.SIGKILL)
        self.process.wait()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--model", default="DiT-S/4")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--shard-optimizer", action="store_true")
    options = parser.parse_args()
    # Lets the `finally` below end the jobs, stopped or not.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    means, hidden = {"one": [], "two": []}, []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        soak.make_images(folder / "images", random.Random(1))
        jobs = {}
        try:
            for kind, threads, batch, more in (
                ("one", 2, options.batch, []),
                ("two", 1, options.batch // 2,
                 ["--workers", "2"] + ["--shard-optimizer"] * options.shard_optimizer),
            ):
                jobs[kind] = Job(
                    folder, kind, options.program.resolve(),
                    ["--model-name", options.model, "--train-batch-size", str(batch), *more], threads)
                jobs[kind].wait_for(2)
                jobs[kind].signal(signal.SIGSTOP)
            for number in range(options.rounds):
                # The jobs take turns at going first.
                for kind in ("one", "two") if number % 2 == 0 else ("two", "one"):
                    steps = jobs[kind].steps(options.steps)
                    means[kind].append(statistics.mean(step["seconds"] for step in steps))
                    if kind == "two":
                        busy = sum(step["exchange_seconds"] for step in steps)
                        exposed = sum(step["exposed_exchange_seconds"] for step in steps)
                        hidden.append(1 - exposed / busy)
                print(
                    f"round {number + 1}: one process {means['one'][-1]:.3f} s/step, two processes"
                    f" {means['two'][-1]:.3f} s/step, {hidden[-1]:.0%} of the exchange hidden",
                    flush=True)
        finally:
            for job in jobs.values():
                job.end()
    ratios = [one / two for one, two in zip(means["one"], means["two"])]
    one, two = (options.batch / statistics.median(means[kind]) for kind in ("one", "two"))
    print(
        f"{options.model}, {options.batch} images per step: {one:.1f} img/s with one process,"
        f" {two:.1f} with two; ratio {statistics.median(ratios):.2f}"
        f" ({min(ratios):.2f} to {max(ratios):.2f}), {statistics.median(hidden):.0%} of the exchange hidden")


if __name__ == "__main__":
    main()
