#!/usr/bin/env python3
"""Times square matrix products: the throughput that counts as full utilization. Prints one JSON object."""

import argparse
import json
import time

import torch


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--size", type=int, default=8192)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="bf16")
    options = parser.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = True
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[options.precision]
    a, b = torch.randn(2, options.size, options.size, device=options.device).to(dtype)
    count = 10
    times = []
    for _ in range(5):
        a[0, 0].item()  # synchronizes with the device
        start = time.perf_counter()
        for _ in range(count):
            product = a @ b
        product[0, 0].item()
        times.append((time.perf_counter() - start) / count)
    name = torch.cuda.get_device_name() if options.device.startswith("cuda") else "processor"
    print(
        json.dumps(
            {
                "operations_per_second": 2 * options.size**3 / min(times),
                "precision": options.precision,
                "device": name,
                "torch": torch.__version__,
            }
        )
    )


if __name__ == "__main__":
    main()
