#!/usr/bin/env python3
"""Compares models by their samples: a grid of each, and two shares.

usage: compare.py IMAGES OUTPUT NAME=SAMPLES...

IMAGES is the folder that make_folder.py wrote, SAMPLES a folder of `dit sample` with several images of
each class. Writes OUTPUT/NAME.png with a row for each class, and prints of each model

- right: the share of samples whose nearest drawing is of the class asked for. Distances are of whole
  images at 32 x 32 pixels (box filter), which no model has learned.
- copies: the share of samples that are three times as near to that drawing as to the next one of other
  classes (Yoon et al. 2023, "Diffusion probabilistic models generalize when they fail to memorize").

Classes are matched by any of the names between commas.
"""

import argparse
import json
import pathlib

import numpy as np
from PIL import Image

SIDE = 32


def names(text):
    return {part.strip().lower() for part in text.split(",")}


def features(image):
    small = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float32).reshape(-1) / 255


class Drawings:
    """The drawings, each once, and the folders in which it lies."""

    def __init__(self, folder):
        vectors, self.classes, places = [], [], {}
        for path in sorted(folder.glob("*/*.png")):
            code = path.stem.partition(".")[0]
            if code not in places:
                places[code] = len(vectors)
                vectors.append(features(Image.open(path)))
                self.classes.append([])
            self.classes[places[code]].append(path.parent.name)
        self.vectors = np.stack(vectors)
        self.names = [set().union(*map(names, folders)) for folders in self.classes]

    def distances(self, image):
        return np.sqrt(((self.vectors - features(image)) ** 2).mean(axis=1))


def grid(rows, side):
    width = max(len(row) for row in rows)
    canvas = Image.new("RGB", (width * (side + 4) + 4, len(rows) * (side + 4) + 4), "white")
    for y, row in enumerate(rows):
        for x, image in enumerate(row):
            canvas.paste(image, (4 + x * (side + 4), 4 + y * (side + 4)))
    return canvas


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=pathlib.Path)
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("samples", nargs="+", help="NAME=FOLDER")
    arguments = parser.parse_args()
    drawings = Drawings(arguments.images)
    arguments.output.mkdir(parents=True, exist_ok=True)
    for text in arguments.samples:
        name, _, folder = text.partition("=")
        record = json.loads((pathlib.Path(folder) / "sample.json").read_text(encoding="utf-8"))
        rows, right, copies, by_class = {}, 0, 0, {}
        for entry in record["images"]:
            image = Image.open(pathlib.Path(folder) / entry["file"]).convert("RGB")
            rows.setdefault(entry["class_name"], []).append(image)
            distances = drawings.distances(image)
            order = np.argsort(distances)
            nearest, asked = order[0], names(entry["class_name"])
            hit = bool(asked & drawings.names[nearest])
            right += hit
            by_class.setdefault(entry["class_name"], []).append(hit)
            # Skin tones of one drawing are no other drawing.
            others = [i for i in order[1:] if set(drawings.classes[i]) != set(drawings.classes[nearest])]
            copies += bool(distances[nearest] < distances[others[0]] / 3)
        count = len(record["images"])
        side = next(iter(rows.values()))[0].width
        grid(list(rows.values()), side).save(arguments.output / f"{name}.png", optimize=True)
        print(f"{name}: {count} samples of {len(rows)} classes; right {right / count:.1%},"
              f" copies {copies / count:.1%}")
        weak = [f"{label} {sum(hits)}/{len(hits)}" for label, hits in by_class.items() if not all(hits)]
        print("  not all right: " + "; ".join(weak) if weak else "  all right")


if __name__ == "__main__":
    main()
