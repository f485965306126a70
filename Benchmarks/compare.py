#!/usr/bin/env python3
"""Alternates runs of `dit` and of PyTorch, and prints medians and ratios as tables.

Usage: compare.py [OPTIONS] [sample] [large] [small] [decode] [encode] [data]
(default: all but data)
  sample  a step of DiT-XL/2 at 256 px, beside torch.compile, MindSpore's graph mode (where
          MINDSPORE_PYTHON names a Python that has it) and the time of the products alone
  large   the same at 512 px; small: DiT-S/2 and DiT-B/4; both beside PyTorch eager
  decode  AutoencoderKL at 256 and 512 px; encode: the other way
  data    reading and cropping the images of --data-path, beside Pillow

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
PEERS = ROOT / "Benchmarks/peer"
# What the peers and the program call the time that is compared.
SECONDS = ("seconds_per_step", "seconds_per_batch", "seconds_per_image")
# Number formats, and what the processor must have for them.
PRECISIONS = {"fp32": "", "bf16": "avx512_bf16", "int8": "avx512_vnni"}


def precisions(options):
    """Those asked for, else all that the processor has hardware for."""
    flags = pathlib.Path("/proc/cpuinfo").read_text()
    return options.precisions or [name for name, flag in PRECISIONS.items() if flag in flags]


def peer(script, *arguments, python=sys.executable):
    return [python, str(PEERS / script), *arguments]


def sampling(options, model, size, has_all):
    """Names and commands for a step of a model, the baseline first."""
    shape = ["--model-name", model, "--image-size", str(size)]
    shape += ["--batch-size", str(options.batch_size)]
    result = {"PyTorch eager fp32": peer("sample_step.py", *shape)}
    if has_all and not options.cpu_time:
        result["PyTorch compiled fp32"] = peer("sample_step.py", *shape, "--compile")
        if "MINDSPORE_PYTHON" in os.environ:
            result["MindSpore graph fp32"] = peer(
                "mindspore_step.py", *shape, python=os.environ["MINDSPORE_PYTHON"])
        result["products and attention alone"] = peer("roofline.py", *shape)
    if has_all and "bf16" in precisions(options):
        result["PyTorch eager bf16"] = peer("sample_step.py", *shape, "--precision", "bf16")
    for precision in precisions(options):
        result[f"dit {precision}"] = [
            *(str(PROGRAM), "benchmark", "sample", *shape, "--precision", precision, "--json")
        ]
    return result


def autoencoder(work, size):
    """Names and commands for encoding or decoding one image, the baseline first."""
    arguments = [work, "--image-size", str(size)]
    return {
        "PyTorch eager": peer("autoencoder.py", *arguments),
        "PyTorch eager, channels last": peer("autoencoder.py", *arguments, "--channels-last"),
        "dit": [str(PROGRAM), "benchmark", *arguments, "--json"],
    }


def reading(options):
    """Names and commands for reading and cropping images on one thread, the baseline first."""
    shape = ["--data-path", options.data_path, "--image-size", str(options.image_size)]
    program = [str(PROGRAM), "benchmark", "data", *shape, "--json"]
    return {
        "Pillow": peer("images.py", *shape),
        "dit": program,
        "dit, shrinking while decoding": [*program, "--reduce-while-decoding"],
    }


def networks(options):
    """Titles and contestants of the parts that run a network."""
    parts = {
        "sample": [(options.model_name, options.image_size, True)],
        "large": [("DiT-XL/2", 512, False)],
        "small": [("DiT-S/2", 256, False), ("DiT-B/4", 256, False)],
    }
    for part in options.parts:
        for model, size, has_all in parts.get(part, []):
            title = f"{model}, {size} px, {options.batch_size} rows, a step"
            yield title, sampling(options, model, size, has_all)
    for work in ("decode", "encode"):
        if work in options.parts:
            for size in (256, 512):
                yield f"AutoencoderKL, {work}, {size} px, an image", autoencoder(work, size)


def tables(options):
    """Titles and contestants of the parts asked for, with the number of threads where it matters."""
    threads = ["--threads", str(options.threads)] if options.threads else []
    for title, commands in networks(options):
        yield title, {name: [*command, *threads] for name, command in commands.items()}
    if "data" in options.parts:
        yield f"an image read and cropped to {options.image_size} px", reading(options)


def run(command, steps, environment=None):
    """What a command says of some steps; ends the program if it fails."""
    command = [*command, "--steps", str(steps)]
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    if result.returncode != 0:
        sys.exit(f"compare: {' '.join(command)} failed:\n{result.stderr.strip()}")
    return json.loads(result.stdout.strip().splitlines()[-1])


def processor_seconds(command, steps):
    """Processor seconds of a whole run on one thread."""

    def total():
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    start = total()
    run(command, steps, {**os.environ, "OMP_NUM_THREADS": "1"})
    return total() - start


def measured(command, options):
    """What a run says, with the seconds of a step; of processor time the difference of two runs,
    which leaves out what comes before the steps."""
    if not options.cpu_time:
        return run(command, options.steps)
    more = processor_seconds(command, options.steps + 1)
    return {"seconds_per_step": (more - processor_seconds(command, 1)) / options.steps}


def seconds(report):
    return next(report[key] for key in SECONDS if key in report)


def compare(title, commands, options):
    """Runs all contestants and prints their table."""
    reports = {name: [] for name in commands}
    for number in range(1, options.rounds + 1):
        for name, command in commands.items():
            reports[name].append(measured(command, options))
            note = f"{title}, round {number}: {name} {seconds(reports[name][-1]):.4g} s"
            print(note, file=sys.stderr, flush=True)
    print(
        f"\n{title}, medians of {options.rounds} rounds of {options.steps} steps"
        f"{', processor seconds on one thread' if options.cpu_time else ''}\n")
    print("| | s | times as fast | rounds | prepared in s | peak memory MB |")
    print("|---|---|---|---|---|---|")
    baseline = [seconds(report) for report in next(iter(reports.values()))]
    for name, runs in reports.items():
        ratios = [base / seconds(report) for base, report in zip(baseline, runs)]

        def median(key, scale):
            values = [report[key] / scale for report in runs if key in report]
            return statistics.median(values) if values else None

        prepared, memory = median("prepare_seconds", 1), median("peak_memory_bytes", 1e6)
        print(
            f"| {name} | {statistics.median(map(seconds, runs)):.4g}"
            f" | {statistics.median(ratios):.2f} | {', '.join(f'{ratio:.2f}' for ratio in ratios)}"
            f" | {'' if prepared is None else f'{prepared:.1f}'}"
            f" | {'' if memory is None else f'{memory:.0f}'} |", flush=True)


def main():
    parts = ["sample", "large", "small", "decode", "encode", "data"]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join(parts))
    parser.add_argument("--model-name", default="DiT-XL/2", help="of the part `sample`")
    parser.add_argument(
        "--image-size", type=int, default=256, help="of the parts `sample` and `data`")
    parser.add_argument("--data-path", help="the folder of images of the part `data`")
    parser.add_argument("--batch-size", type=int, default=2, help="rows of the network")
    parser.add_argument("--steps", type=int, default=3, help="timed in each run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS)
    parser.add_argument(
        "--cpu-time", action="store_true", help="count processor seconds on one thread")
    options = parser.parse_args()
    options.parts = options.parts or parts[:-1]
    if unknown := set(options.parts) - set(parts):
        parser.error(f"unknown part {', '.join(unknown)}; known are {', '.join(parts)}")
    if "data" in options.parts and options.data_path is None:
        parser.error("the part `data` needs --data-path")
    if options.cpu_time:
        options.threads = 1
    if not PROGRAM.is_file():
        sys.exit(f"compare: {PROGRAM} is not there; run `make build` first")
    for title, commands in tables(options):
        compare(title, commands, options)


if __name__ == "__main__":
    main()
