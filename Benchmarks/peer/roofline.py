#!/usr/bin/env python3
"""A lower bound for a denoising step: the time of its matrix products and attention alone.

Adds up the best time of each product over the blocks, with PyTorch's own product (MKL) or oneDNN on packed
weights, whichever is faster. The modulation is left out, because it can be precomputed. Prints one JSON
object.
"""

import argparse
import json
import time

import torch
from sample_step import SIZES
from torch.nn import functional as F


def best(run, seconds=1.0):
    """The seconds of the fastest run; repeats for about a second, after one warm-up run."""
    run()
    times = []
    while sum(times) < seconds or len(times) < 3:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def product(rows, inputs, outputs):
    x, weight, bias = torch.randn(rows, inputs), torch.randn(outputs, inputs), torch.randn(outputs)
    packed = torch.ops.mkldnn._reorder_linear_weight(weight)
    linear = torch.ops.mkldnn._linear_pointwise
    plain = best(lambda: F.linear(x, weight, bias))
    return min(plain, best(lambda: linear(x, packed, bias, "none", [], "")))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model-name", default="DiT-XL/2")
    parser.add_argument("--image-size", type=int, default=256)
    parser.add_argument("--batch-size", type=int, default=2, help="batch of the network")
    parser.add_argument("--steps", type=int, help="ignored; accepted like in the other programs")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    family, patch = options.model_name.removeprefix("DiT-").split("/")
    width, depth, heads = SIZES[family]
    tokens = (options.image_size // 8 // int(patch)) ** 2
    rows = options.batch_size * tokens
    with torch.inference_mode():
        shapes = [(width, 3 * width), (width, width), (width, 4 * width), (4 * width, width)]
        products = [product(rows, *shape) for shape in shapes]
        q, k, v = torch.randn(3, options.batch_size, heads, tokens, width // heads)
        attention = best(lambda: F.scaled_dot_product_attention(q, k, v))
    operations = 2 * rows * sum(inputs * outputs for inputs, outputs in shapes)
    print(
        json.dumps(
            {
                "seconds_per_step": depth * (sum(products) + attention),
                "product_seconds": products,
                "attention_seconds": attention,
                "gigaflops": operations / sum(products) / 1e9,
                "threads": torch.get_num_threads(),
            }
        )
    )


if __name__ == "__main__":
    main()
