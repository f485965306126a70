#!/usr/bin/env python3
"""Compares the speed of `dit` and PyTorch, and prints medians and speedups as tables.

Usage: compare.py [OPTIONS] [sample] [large] [small] [decode] [encode] [data] [image] [metrics]
[features] (default: all except data, image, metrics and features)
  sample  a step of DiT-XL/2 at 256 px; also torch.compile, MindSpore's graph mode (if
          MINDSPORE_PYTHON names a Python that has it) and the matrix products alone
  large   a step of DiT-XL/2 at 512 px, against PyTorch eager
  small   a step of DiT-S/2 and of DiT-B/4, against PyTorch eager
  decode  AutoencoderKL's decoder at 256 and 512 px
  encode  AutoencoderKL's encoder at 256 and 512 px
  data    reading and cropping the images in --data-path, against Pillow
  features  InceptionV3 on images of 256 px, against torch-fidelity
  metrics the comparison of two sets of features, against torch-fidelity
  image   a whole image of DiT-XL/2 at 256 px: steps of several samplers and decoding, against PyTorch eager

Each round runs every program once, in turn. A speedup compares two runs of the same round, and the
table shows the median over the rounds, so that a slow moment of the machine favors no one. If others
use the machine at the same time, --cpu-time measures CPU time on one thread instead of wall time.
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
# The keys of the compared time in the reports of the programs.
SECONDS = ("seconds_per_step", "seconds_per_batch", "seconds_per_image", "seconds_per_comparison")
# Whole images: samplers that ask the network once a step, and their steps.
SAMPLERS = {"DDPM-250": 250, "DDIM-50": 50, "UniPC-10": 10}
# Number formats and the CPU feature each one needs.
PRECISIONS = {"fp32": "", "bf16": "avx512_bf16", "int8": "avx512_vnni"}


def precisions(options):
    """The requested number formats; by default all that the CPU supports."""
    flags = pathlib.Path("/proc/cpuinfo").read_text()
    return options.precisions or [name for name, flag in PRECISIONS.items() if flag in flags]


def peer(script, *arguments, python=sys.executable):
    return [python, str(PEERS / script), *arguments]


def sampling(options, model, size, has_all, plain=False):
    """Names and commands for a sampling step of a model, the baseline first; plain without compilers."""
    shape = ["--model-name", model, "--image-size", str(size)]
    shape += ["--batch-size", str(options.batch_size)]
    result = {"PyTorch eager fp32": peer("sample_step.py", *shape)}
    if has_all and not options.cpu_time and not plain:
        result["PyTorch compiled fp32"] = peer("sample_step.py", *shape, "--compile")
        if "MINDSPORE_PYTHON" in os.environ:
            result["MindSpore graph fp32"] = peer(
                "mindspore_step.py", *shape, python=os.environ["MINDSPORE_PYTHON"])
        result["matrix products and attention alone"] = peer("roofline.py", *shape)
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


def features(size, count):
    """Names and commands for the features of a batch, the baseline first."""
    arguments = ["--image-size", str(size), "--batch-size", str(count)]
    return {
        "torch-fidelity": peer("features.py", *arguments),
        "torch-fidelity, channels last": peer("features.py", *arguments, "--channels-last"),
        "dit": [str(PROGRAM), "benchmark", "features", *arguments, "--json"],
    }


def reading(options):
    """Names and commands for reading and cropping images on one thread, the baseline first."""
    shape = ["--data-path", options.data_path, "--image-size", str(options.image_size)]
    program = [str(PROGRAM), "benchmark", "data", *shape, "--json"]
    return {
        "Pillow": peer("images.py", *shape),
        "dit": program,
        "dit, --reduce-while-decoding": [*program, "--reduce-while-decoding"],
    }


def metrics(work):
    """Names and commands for a comparison of two sets of features, the baseline first."""
    return {
        "torch-fidelity": peer("metrics.py", "--work", work),
        "dit": [str(PROGRAM), "benchmark", "metrics", "--work", work, "--json"],
    }


def networks(options):
    """Titles and commands of the parts that run a network."""
    parts = {
        "sample": [(options.model_name, options.image_size, True)],
        "large": [("DiT-XL/2", 512, False)],
        "small": [("DiT-S/2", 256, False), ("DiT-B/4", 256, False)],
    }
    for part in options.parts:
        for model, size, has_all in parts.get(part, []):
            title = f"{model}, {size} px, network batch {options.batch_size}, per step"
            yield title, sampling(options, model, size, has_all)
    for work in ("decode", "encode"):
        if work in options.parts:
            for size in (256, 512):
                yield f"AutoencoderKL, {work}, {size} px, per image", autoencoder(work, size)
    if "features" in options.parts:
        for count in (16, 64):
            yield f"InceptionV3, 256 px, per batch of {count}", features(256, count)
    if "metrics" in options.parts:
        for work in ("moments", "frechet", "neighbours", "kernel"):
            yield f"metrics, {work}, 10,000 images of 2,048 features", metrics(work)


def tables(options):
    """Titles and commands of the requested parts; --threads is added to those that run a network."""
    threads = ["--threads", str(options.threads)] if options.threads else []
    for title, commands in networks(options):
        yield title, {name: [*command, *threads] for name, command in commands.items()}
    if "data" in options.parts:
        yield f"reading and cropping to {options.image_size} px, per image", reading(options)


def run(command, steps, environment=None):
    """The report of a command; ends this program if the command fails."""
    command = [*command, "--steps", str(steps)]
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    if result.returncode != 0:
        sys.exit(f"compare: {' '.join(command)} failed:\n{result.stderr.strip()}")
    return json.loads(result.stdout.strip().splitlines()[-1])


def processor_seconds(command, steps):
    """CPU seconds of a whole run on one thread."""

    def total():
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    start = total()
    run(command, steps, {**os.environ, "OMP_NUM_THREADS": "1"})
    return total() - start


def measured(command, options):
    """The report of a run. CPU time per step is the difference of two runs, without the start-up."""
    if not options.cpu_time:
        return run(command, options.steps)
    more = processor_seconds(command, options.steps + 1)
    return {"seconds_per_step": (more - processor_seconds(command, 1)) / options.steps}


def seconds(report):
    return next(report[key] for key in SECONDS if key in report)


def compare(title, commands, options):
    """Runs all commands and prints their table."""
    reports = {name: [] for name in commands}
    for number in range(1, options.rounds + 1):
        for name, command in commands.items():
            reports[name].append(measured(command, options))
            note = f"{title}, round {number}: {name} {seconds(reports[name][-1]):.4g} s"
            print(note, file=sys.stderr, flush=True)
    print(
        f"\n{title}, medians of {options.rounds} rounds of {options.steps} steps"
        f"{', CPU seconds on one thread' if options.cpu_time else ''}\n")
    print("| | s | speedup | rounds | preparation, s | peak memory, MB |")
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


def compare_images(options):
    """Measures a step and the decoder, and prints seconds an image: steps times step, and decoding."""
    steps = sampling(options, "DiT-XL/2", 256, True, plain=True)
    decoders = autoencoder("decode", 256)
    found = {name: [] for name in [*steps, *decoders]}
    for number in range(1, options.rounds + 1):
        for name, command in [*steps.items(), *decoders.items()]:
            found[name].append(seconds(measured(command, options)))
            print(f"round {number}: {name} {found[name][-1]:.4g} s", file=sys.stderr, flush=True)
    print("\n| | s/step, rounds | decoding | " + " | ".join(SAMPLERS) + " |")
    print("|---|---|---|" + "---|" * len(SAMPLERS))
    for name in steps:
        decoding = min(
            statistics.median(found[decoder]) for decoder in decoders
            if decoder.partition(" ")[0] == name.partition(" ")[0])
        step = statistics.median(found[name])
        images = " | ".join(f"{count * step + decoding:.1f}" for count in SAMPLERS.values())
        rounds = ", ".join(f"{value:.3g}" for value in found[name])
        print(f"| {name} | {rounds} | {decoding:.2f} | {images} |", flush=True)


def main():
    parts = ["sample", "large", "small", "decode", "encode", "data", "image", "metrics", "features"]
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
    options.parts = options.parts or parts[:-4]
    if unknown := set(options.parts) - set(parts):
        parser.error(f"unknown part {', '.join(unknown)}; known are {', '.join(parts)}")
    if "data" in options.parts and options.data_path is None:
        parser.error("the part `data` needs --data-path")
    if options.cpu_time:
        options.threads = 1
    if not PROGRAM.is_file():
        sys.exit(f"compare: {PROGRAM} was not found; run `make build` first")
    if "image" in options.parts:
        compare_images(options)
    for title, commands in tables(options):
        compare(title, commands, options)


if __name__ == "__main__":
    main()
