#!/usr/bin/env python3
"""Plots the loss of a training run as an SVG image.

usage: plot_loss.py metrics.jsonl plot.svg

Each point is the mean loss over 1/200 of the run.
"""

import json
import math
import pathlib
import sys

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 320, 56, 16, 16, 40
BUCKETS = 200


def means(records):
    """(step, mean loss) for each bucket of the run."""
    size = max(1, math.ceil(len(records) / BUCKETS))
    parts = [records[start:start + size] for start in range(0, len(records), size)]
    return [
        (part[-1]["step"], sum(record["loss"] for record in part) / len(part)) for part in parts]


def ticks(low, high):
    """The numbers 1, 2 and 5 times a power of ten in a range."""
    values = (
        digit * 10.0**power
        for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        for digit in (1, 2, 5))
    return [value for value in values if low <= value <= high]


def picture(points):
    last = points[-1][0]
    low, high = min(loss for _, loss in points) * 0.95, max(loss for _, loss in points) * 1.05

    def place(step, loss):
        x = LEFT + (WIDTH - LEFT - RIGHT) * step / last
        share = math.log(loss / low) / math.log(high / low)
        return x, HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>']
    for loss in ticks(low, high):
        y = place(0, loss)[1]
        lines.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        lines.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{loss:g}</text>')
    for part in range(5):
        step = last * part // 4
        x = place(step, low)[0]
        anchor = "end" if part == 4 else "middle"
        lines.append(
            f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="{anchor}">{step}</text>')
    lines.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 6}" text-anchor="middle">step</text>')
    lines.append(f'<text x="{LEFT + 8}" y="{TOP + 12}">loss (logarithmic)</text>')
    path = " ".join("{:.1f},{:.1f}".format(*place(*point)) for point in points)
    lines.append(f'<polyline points="{path}" fill="none" stroke="#36c" stroke-width="1.5"/>')
    return "\n".join(lines + ["</svg>", ""])


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    text = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")
    records = {}
    for line in text.splitlines():
        record = json.loads(line)
        if record["loss"] is not None:
            records[record["step"]] = record
    points = means([records[step] for step in sorted(records)])
    pathlib.Path(sys.argv[2]).write_text(picture(points), encoding="utf-8")


if __name__ == "__main__":
    main()
