#!/usr/bin/env python3
"""Times the comparison of two sets of random features with torch-fidelity: the baseline of
`dit benchmark metrics`. Prints one JSON object.
"""

import argparse
import json
import resource
import statistics
import time

import torch
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import prc_features_to_metric


def comparison(options):
    """The work to time, as a function."""
    torch.manual_seed(0)
    samples, reference = (torch.randn(options.num_samples, options.features) for _ in range(2))
    if options.work == "moments":
        return lambda: fid_features_to_statistics(samples)
    if options.work == "frechet":
        a, b = fid_features_to_statistics(samples), fid_features_to_statistics(reference)
        return lambda: fid_statistics_to_metric(a, b, verbose=False)
    if options.work == "neighbours":
        return lambda: prc_features_to_metric(samples, reference, save_cpu_ram=True, verbose=False)
    return lambda: kid_features_to_metric(samples, reference, verbose=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--work", choices=["moments", "frechet", "neighbours", "kernel"], default="frechet")
    parser.add_argument("--num-samples", type=int, default=10_000)
    parser.add_argument("--features", type=int, default=2_048)
    parser.add_argument("--steps", type=int, default=3, help="timed runs, after one to warm up")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    work = comparison(options)
    seconds = []
    for _ in range(options.steps + 1):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    print(json.dumps({
        "seconds_per_comparison": statistics.median(seconds[1:]),
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "threads": torch.get_num_threads(), "work": options.work,
    }))


if __name__ == "__main__":
    main()
