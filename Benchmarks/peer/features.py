#!/usr/bin/env python3
"""Times torch-fidelity's network of FID (`inception-v3-compat`) with random weights: the baseline of
`dit benchmark features`.

From bytes to pool_3 and scores without bias, resizing included. Prints one JSON object.
"""

import argparse
import json
import pathlib
import resource
import statistics
import sys
import tempfile
import time

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools/golden"))
from inception import draw, extractor, load_extractor, published_shapes


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image-size", type=int, default=256)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--steps", type=int, default=3, help="timed steps, after one warm-up step")
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "weights.pth"
        torch.save(draw(published_shapes(load_extractor())), path)
        model = extractor(path)
    size = options.image_size
    images = torch.randint(
        0, 256, (options.batch_size, 3, size, size), dtype=torch.uint8,
        generator=torch.Generator().manual_seed(0))
    if options.channels_last:
        model = model.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
    times = []
    with torch.inference_mode():
        for _ in range(options.steps + 1):
            start = time.perf_counter()
            model(images)
            times.append(time.perf_counter() - start)
    print(json.dumps({
        "seconds_per_batch": statistics.median(times[1:]),
        "first_batch_seconds": times[0],
        "fastest_batch_seconds": min(times[1:]),
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "threads": torch.get_num_threads(),
    }))


if __name__ == "__main__":
    main()
