#!/usr/bin/env python3
"""Draws errors over numbers of steps as an SVG image, both axes logarithmic.

usage: plot_steps.py plot.svg TITLE=table.tsv...

Each table is a panel: a row for each number of steps, which stands in the first column, and a column for each
line. Panels share the colors of lines with the same name up to a bracket.
"""

import math
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "emoji"))
from plot_loss import ticks

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM, LEGEND_LINE = 320, 280, 54, 20, 28, 38, 16
COLORS = ("#888", "#d62728", "#ff7f0e", "#2ca02c", "#1f77b4", "#9467bd", "#8c564b", "#e377c2", "#17becf")
# A line's place among those of one color.
DASHES = ("", "6 3", "2 3", "8 3 2 3")


def read(path):
    """Names of the lines, and for each its points (steps, error)."""
    rows = [line.split("\t") for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines()]
    lines = {name: [] for name in rows[0][1:]}
    for row in rows[1:]:
        for name, value in zip(rows[0][1:], row[1:]):
            lines[name].append((int(row[0]), float(value)))
    return lines


def styles(names):
    """A color and a dash pattern for each name: the color by what stands before a comma or bracket."""
    groups, result = {}, {}
    for name in names:
        kind, _, variant = name.partition(" (")[0].partition(", ")
        group = groups.setdefault(kind, [])
        if variant not in group:
            group.append(variant)
        color = COLORS[list(groups).index(kind) % len(COLORS)]
        result[name] = color, DASHES[group.index(variant) % len(DASHES)]
    return result


def panel(title, lines, style, left):
    """The elements of one panel whose left border is at `left`."""
    points = [point for line in lines.values() for point in line]
    steps = sorted({count for count, _ in points})
    errors = [error for _, error in points]
    low, high = min(errors) / 1.1, max(errors) * 1.1

    def place(count, error):
        x = math.log(count / steps[0]) / math.log(steps[-1] / steps[0])
        y = math.log(error / low) / math.log(high / low)
        return (left + LEFT + (WIDTH - LEFT - RIGHT) * x,
                HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * y)

    found = [f'<text x="{left + LEFT}" y="{TOP - 12}" font-weight="bold">{title}</text>']
    marks = ticks(low, high)
    if len(marks) > 8:
        marks = [mark for mark in marks if f"{mark:e}".startswith("1")]
    for mark in marks:
        x, y = place(steps[0], mark)
        found.append(f'<path d="M{x:.1f} {y:.1f}h{WIDTH - LEFT - RIGHT}" stroke="#ddd"/>')
        found.append(f'<text x="{x - 5:.1f}" y="{y + 4:.1f}" text-anchor="end">{mark:g}</text>')
    end = -math.inf
    for count in steps:
        x = place(count, low)[0]
        if x < end:
            continue
        end = x + 10 + 8 * len(str(count))
        found.append(
            f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{count}</text>')
    middle = left + (WIDTH + LEFT - RIGHT) / 2
    found.append(f'<text x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">steps</text>')
    for row, (name, line) in enumerate(lines.items()):
        color, dash = style[name]
        look = f'fill="none" stroke="{color}" stroke-width="1.5" stroke-dasharray="{dash or "none"}"'
        path = " ".join("{:.1f},{:.1f}".format(*place(*point)) for point in line)
        found.append(f'<polyline points="{path}" {look}/>')
        y = HEIGHT + LEGEND_LINE * row + 8
        found.append(f'<path d="M{left + LEFT} {y}h24" {look}/>')
        found.append(f'<text x="{left + LEFT + 30}" y="{y + 4}">{name}</text>')
    return found


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    panels = [(title, read(path)) for title, _, path in (word.partition("=") for word in sys.argv[2:])]
    style = styles([name for _, lines in panels for name in lines])
    width = WIDTH * len(panels)
    height = HEIGHT + LEGEND_LINE * max(len(lines) for _, lines in panels) + 8
    found = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>']
    for index, (title, lines) in enumerate(panels):
        found += panel(title, lines, style, WIDTH * index)
    pathlib.Path(sys.argv[1]).write_text("\n".join([*found, "</svg>", ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
