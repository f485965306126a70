#!/usr/bin/env python3
"""Times reading and cropping the images of a folder with Pillow on one thread: the baseline of
`dit benchmark data`.

The crop is ADM's (Dhariwal & Nichol 2021), as in the published training loops. Prints one JSON object.
"""

import argparse
import json
import pathlib
import time

import numpy
from PIL import Image

ENDINGS = {".jpeg", ".jpg", ".png", ".bmp"}


def decoded(path):
    with Image.open(path) as image:
        return image.convert("RGB")


def cropped(image, size):
    while min(image.size) >= 2 * size:
        image = image.resize(tuple(side // 2 for side in image.size), resample=Image.Resampling.BOX)
    scale = size / min(image.size)
    image = image.resize(
        tuple(round(side * scale) for side in image.size), resample=Image.Resampling.BICUBIC)
    pixels = numpy.array(image)
    top, left = (pixels.shape[0] - size) // 2, (pixels.shape[1] - size) // 2
    return pixels[top : top + size, left : left + size]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-path", type=pathlib.Path, required=True)
    parser.add_argument("--image-size", type=int, default=256)
    parser.add_argument("--steps", type=int, default=3, help="timed passes, after one warm-up pass")
    options = parser.parse_args()
    paths = sorted(p for p in options.data_path.rglob("*") if p.suffix.lower() in ENDINGS)
    decoding = cropping = 0.0
    for number in range(options.steps + 1):
        for path in paths:
            start = time.perf_counter()
            image = decoded(path)
            middle = time.perf_counter()
            cropped(image, options.image_size)
            if number > 0:
                decoding += middle - start
                cropping += time.perf_counter() - middle
    count = len(paths) * options.steps
    report = {
        "seconds_per_image": (decoding + cropping) / count, "decode_seconds": decoding / count,
        "crop_seconds": cropping / count, "images": len(paths), "threads": 1,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
