#!/usr/bin/env python3
"""Measures how far a few sampling steps are from many: errors of latents, and pictures side by side.

Usage: few_steps.py errors [OPTIONS] [--table TABLE.tsv]
       few_steps.py int8 [OPTIONS]
       few_steps.py pictures [OPTIONS] --vae-checkpoint VAE --picture PICTURE.png
  errors    every deterministic sampler over every spacing of times, 5 to 20 steps, against DDIM with 1,000
            steps, in fp32; --table is the file that tools/plots/plot_steps.py draws
  int8      10 steps of unipc on optimized times in int8, against the same steps in fp32
  pictures  a row of images for DDIM with 1,000 steps, and one for each of some samplers with 10

An error is the norm of the difference of an image's latents over the norm of the reference. All runs start
from the same noise. Needs NumPy; `pictures` needs Pillow. Latents are kept in --work and not computed twice.
"""

import argparse
import json
import pathlib
import subprocess
import sys

import numpy

ROOT = pathlib.Path(__file__).resolve().parent.parent
REFERENCE = ("ddim", 1000, "respaced")
STEPS = (5, 8, 10, 15, 20)
# Samplers (`unipc/3` is unipc of order 3) and their spacings.
ALL_SPACINGS = ("linspace", "trailing", "leading", "optimized")
SAMPLERS = {
    "ddim": ("respaced", "linspace", "trailing", "leading"),
    "euler": ALL_SPACINGS,
    "heun": ALL_SPACINGS,
    "unipc": ALL_SPACINGS,
    "unipc/3": ALL_SPACINGS,
    "dpm++2m": ALL_SPACINGS,
    "dpm++3m": ALL_SPACINGS,
}
# The lines of the plot.
PLOTTED = [
    ("ddim", "respaced"), ("heun", "trailing"), ("unipc", "linspace"), ("unipc", "optimized"),
    ("unipc of order 3", "optimized"), ("dpm++2m", "linspace"), ("dpm++2m", "optimized"),
    ("dpm++3m", "optimized"),
]
# Rows of the picture after the reference: sampler, steps and spacing.
ROWS = [
    ("ddim", 10, "respaced"), ("euler", 10, "linspace"), ("dpm++2m", 10, "optimized"),
    ("dpm++3m", 10, "optimized"), ("unipc", 10, "optimized"),
]
PICTURE_SIDE = 64


def command(options, sampler, steps, spacing, precision="fp32"):
    """The command that samples, without its outputs."""
    name, _, order = sampler.partition("/")
    words = [
        str(options.program), "sample", "--class-labels", options.class_labels, "--sampler", name,
        "--sampling-steps", str(steps), "--timestep-spacing", spacing, "--guidance-scale",
        str(options.guidance_scale), "--seed", str(options.seed), "--precision", precision,
        "--batch-size", str(len(options.class_labels.split(",")))]
    words += ["--solver-order", order] if order else []
    return words + (["--dit-checkpoint", options.dit_checkpoint] if options.dit_checkpoint else [])


def run(words):
    result = subprocess.run(words, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"few_steps: {' '.join(words)} failed:\n{result.stderr.strip()}")


def latents(options, *settings):
    """Latents `[N, C, H, W]` of a run, as float64."""
    words = command(options, *settings)
    name = "_".join(str(setting).replace("/", "-") for setting in settings)
    file = options.work / f"{name}.safetensors"
    if not file.exists():
        if options.dit_checkpoint:
            words += ["--vae-checkpoint", "none"]
        else:
            words += ["--output-path", str(options.work / name), "--force"]
        run([*words, "--save-latents", str(file)])
        print(f"{file.name} done", file=sys.stderr, flush=True)
    data = file.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    entry = json.loads(data[8:start])["latents"]
    begin, end = entry["data_offsets"]
    values = numpy.frombuffer(data[start + begin:start + end], numpy.dtype("<f4"))
    return values.reshape(entry["shape"]).astype(numpy.float64)


def errors(values, reference):
    """The error of each image."""
    axes = tuple(range(1, values.ndim))
    return numpy.sqrt(((values - reference) ** 2).sum(axes) / (reference**2).sum(axes))


def print_errors(options):
    reference = latents(options, *REFERENCE)
    rows = {}
    for sampler, spacings in SAMPLERS.items():
        name = sampler.replace("/3", " of order 3")
        for spacing in spacings:
            rows[name, spacing] = [
                100 * errors(latents(options, sampler, steps, spacing), reference).mean()
                for steps in STEPS]
    print(f"| | | {' | '.join(map(str, STEPS))} |\n|---|---|{'---|' * len(STEPS)}")
    for (name, spacing), values in rows.items():
        cells = [f"{value:.1f}" if value < 10 else f"{value:.0f}" for value in values]
        print(f"| {name} | {spacing} | {' | '.join(cells)} |")
    if options.table:
        lines = ["\t".join(["steps", *(", ".join(line) for line in PLOTTED)])]
        for index, steps in enumerate(STEPS):
            values = (f"{rows[line][index]:.3g}" for line in PLOTTED)
            lines.append("\t".join([str(steps), *values]))
        options.table.write_text("\n".join([*lines, ""]), encoding="utf-8")


def print_int8(options):
    settings = ("unipc", 10, "optimized")
    found = 100 * errors(latents(options, *settings, "int8"), latents(options, *settings, "fp32"))
    print(f"mean {found.mean():.2f} %, worst image {found.max():.2f} %")


def draw_pictures(options):
    from PIL import Image

    rows = [REFERENCE, *ROWS]
    columns = len(options.class_labels.split(","))
    picture = Image.new("RGB", (PICTURE_SIDE * columns, PICTURE_SIDE * len(rows)), "white")
    for row, settings in enumerate(rows):
        folder = options.work / "pictures" / "_".join(map(str, settings))
        if not (folder / "grid.png").exists():
            words = command(options, *settings)
            words += ["--vae-checkpoint", options.vae_checkpoint] if options.vae_checkpoint else []
            run([*words, "--output-path", str(folder), "--force"])
        record = json.loads((folder / "sample.json").read_text(encoding="utf-8"))
        for column, image in enumerate(record["images"]):
            with Image.open(folder / image["file"]) as drawn:
                small = drawn.convert("RGB").resize((PICTURE_SIDE, PICTURE_SIDE), Image.Resampling.BOX)
            picture.paste(small, (PICTURE_SIDE * column, PICTURE_SIDE * row))
    picture.save(options.picture, optimize=True)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=["errors", "int8", "pictures"])
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / ".build/release/dit")
    parser.add_argument("--dit-checkpoint", help="by default the built-in model")
    parser.add_argument("--vae-checkpoint", help="of the task `pictures`")
    parser.add_argument("--class-labels", default="0,1,2,3,4,5,6,7", help="an image of each")
    parser.add_argument("--guidance-scale", type=float, default=4)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--work", type=pathlib.Path, required=True, help="a folder for each model")
    parser.add_argument("--table", type=pathlib.Path, help="of the task `errors`")
    parser.add_argument("--picture", type=pathlib.Path, help="of the task `pictures`")
    options = parser.parse_args()
    if options.task == "pictures" and options.picture is None:
        parser.error("the task `pictures` needs --picture")
    options.work.mkdir(parents=True, exist_ok=True)
    {"errors": print_errors, "int8": print_int8, "pictures": draw_pictures}[options.task](options)


if __name__ == "__main__":
    main()
