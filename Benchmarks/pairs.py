"""Runs `dit sample` and PyTorch in turn on one image of a large model: for lightning.py and meanflow.py."""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def parser(text, precisions):
    options = argparse.ArgumentParser(description=text)
    options.add_argument("folder", type=pathlib.Path)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--steps", type=int, default=5, help="timed steps, after one warm-up step")
    options.add_argument("--threads", type=int)
    options.add_argument("--precisions", nargs="+", default=precisions)
    options.add_argument("--program", type=pathlib.Path, default=ROOT / ".build/release/dit")
    return options


def threads(options):
    return ["--threads", str(options.threads)] if options.threads else []


def run_peer(options, peer):
    command = [sys.executable, peer, "run", options.folder, "--steps", str(options.steps), *threads(options)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def run_dit(options, precision, *arguments):
    """Seconds per step and peak memory, and what the program wrote to standard error."""
    with tempfile.TemporaryDirectory() as output:
        command = [
            str(options.program), "sample", *arguments, "--class-labels", "207", "--sampling-steps", str(options.steps + 1),
            "--precision", precision, "--save-latents", f"{output}/latents", "--output-path", output, "--force",
            *threads(options),
        ]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        errors = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            sys.exit(errors)
        report = json.loads((pathlib.Path(output) / "sample.json").read_text())
    return {"seconds_per_step": report["seconds_per_step"], "peak_memory_bytes": usage.ru_maxrss * 1024}, errors


def medians(options, peer, weights, run):
    """Yields the name of each of the runs, and a function from a key of its reports to the median.

    `peer` makes the weights unless the file `weights` is there. `run` runs the program in a precision.
    """
    peer = ROOT / "Benchmarks/peer" / peer
    if not (options.folder / weights).exists():
        subprocess.run([sys.executable, peer, "make", options.folder], check=True)
    runs = {"PyTorch eager fp32": lambda: run_peer(options, peer)}
    runs |= {f"dit {p}": lambda p=p: run(options, p) for p in options.precisions}
    results = {name: [] for name in runs}
    for _ in range(options.rounds):
        for name, one in runs.items():
            results[name].append(one())
    for name, reports in results.items():
        yield name, lambda key, reports=reports: statistics.median(report[key] for report in reports)
