"""Times two programs in turn, so that what else the machine does hits both."""

import json
import os
import statistics
import subprocess

# How much slower is too slow, as a ratio.
BOUND = 1.02
BENCHMARKS = {
    "sample fp32": ["sample", "--model-name", "DiT-B/2", "--precision", "fp32", "--steps", "3"],
    "sample bf16": ["sample", "--model-name", "DiT-B/2", "--precision", "bf16", "--steps", "4"],
    "sample int8": ["sample", "--model-name", "DiT-B/2", "--precision", "int8", "--steps", "5"],
    "decode": ["decode", "--image-size", "128", "--steps", "3"],
    "encode": ["encode", "--image-size", "128", "--steps", "4"],
    "train": ["train", "--model-name", "DiT-S/4", "--batch-size", "4", "--steps", "5"],
}


def timed(program, options, threads, environment):
    """Seconds of a step or batch as the program tells, and of the processor for the whole run."""
    process = subprocess.Popen(
        [str(program), "benchmark", *options, "--threads", str(threads), "--json"],
        env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    output = process.stdout.read()
    process.stdout.close()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(
            f"{program} benchmark {' '.join(options)}: exit code {process.returncode}")
    report = json.loads(output)
    seconds = report.get("seconds_per_step", report.get("seconds_per_batch"))
    return seconds, usage.ru_utime + usage.ru_stime


def counted(program, options, environment):
    """Instructions of a whole run in user mode, by perf."""
    command = ["perf", "stat", "-x,", "-e", "instructions:u", str(program), "benchmark", *options]
    result = subprocess.run(
        [*command, "--threads", "1"], env={**os.environ, **environment}, capture_output=True,
        text=True, check=True)
    value = next(line for line in result.stderr.splitlines() if "instructions" in line)
    return int(value.split(",")[0])


def counts_instructions():
    """Whether perf can count instructions here; virtual machines often have no counters."""
    try:
        command = ["perf", "stat", "-x,", "-e", "instructions:u", "true"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return False
    return result.returncode == 0 and result.stderr.strip().split(",")[0].isdigit()


def compare_speed(base, new, pairs, threads, only, environment):
    """One (name, line, whether it is slower) for each benchmark."""
    for name, options in BENCHMARKS.items():
        if only and name not in only:
            continue
        walls, processors, seconds = [], [], ([], [])
        for pair in range(pairs):
            order = (base, new) if pair % 2 == 0 else (new, base)
            times = [timed(program, options, threads, environment) for program in order]
            first, second = times if pair % 2 == 0 else reversed(times)
            seconds[0].append(first[0])
            seconds[1].append(second[0])
            walls.append(second[0] / first[0])
            processors.append(second[1] / first[1])
        ratio = statistics.median(walls)
        low, _, high = statistics.quantiles(walls, n=4) if pairs > 1 else (ratio, ratio, ratio)
        medians = " and ".join(f"{statistics.median(side):.3f} s" for side in seconds)
        line = (
            f"{medians}; ratio {ratio:.3f}, quartiles {low:.3f} to {high:.3f}; processor time"
            f" {statistics.median(processors):.3f}")
        yield name, line, ratio > BOUND


def compare_instructions(base, new, environment):
    for name, options in BENCHMARKS.items():
        counts = [counted(program, options, environment) for program in (base, new)]
        ratio = counts[1] / counts[0]
        line = f"{counts[0]:.4g} and {counts[1]:.4g} instructions; ratio {ratio:.4f}"
        yield name, line, ratio > BOUND
