"""The command line of baselines with weights in a folder, which make them or run: lightning.py and meanflow.py."""

import argparse
import json
import pathlib
import resource
import statistics

import torch


def report(times, **more):
    """Prints the figures of a run as JSON. The first of `times` is that of the warm-up step."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({
        "seconds_per_step": statistics.median(times[1:]), **more, "peak_memory_bytes": peak,
        "threads": torch.get_num_threads(), "torch": torch.__version__}))


def main(text, make, run):
    parser = argparse.ArgumentParser(description=text)
    parser.add_argument("work", choices=["make", "run"])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--steps", type=int, default=5, help="timed steps, after one warm-up step")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    make(options.folder) if options.work == "make" else run(options.folder, options.steps)
