#!/usr/bin/env python3
"""Extracts the drawings of the Noto Color Emoji font into one folder per class, 128 x 128 pixels.

usage: make_folder.py FOLDER [--crops FOLDER] [--font NotoColorEmoji.ttf] [--names emoji-test.txt]

The font and the list come from Debian's fonts-noto-color-emoji and unicode-data. All drawings are used:
each in its own class (classes.py), and those without skin tones in their groups too. A class of one or
two drawings has copies of them, so that an epoch shows it three or four times.

With --crops, parts of 64 x 64 pixels of the drawings go to a second folder, for the autoencoder: it is
made of convolutions, and sees four times as many of them in the time of whole drawings.
"""

import argparse
import io
import pathlib
import random
import re

from fontTools.ttLib import TTFont
from PIL import Image

from classes import GROUPS, groups, single_name, with_synonyms

SIZE = 128


def emoji(path):
    """Yields the fully qualified emoji of emoji-test.txt: subgroup, code points, name."""
    subgroup = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# subgroup:"):
            subgroup = line.split(":", 1)[1].strip().replace(" & ", "-and-")
        match = re.match(r"([0-9A-F ]+?)\s*; fully-qualified\s*# \S+ E[\d.]+ (.*)", line)
        if match:
            yield subgroup, [int(code, 16) for code in match[1].split()], match[2]


class Drawings:
    """The PNG images of the font's glyphs."""

    def __init__(self, path):
        font = TTFont(path)
        self.map = font.getBestCmap()
        self.bitmaps = font["CBDT"].strikeData[0]
        self.ligatures = {}
        for lookup in font["GSUB"].table.LookupList.Lookup:
            for table in lookup.SubTable:
                table = getattr(table, "ExtSubTable", table)
                for first, ligatures in getattr(table, "ligatures", {}).items():
                    for ligature in ligatures:
                        self.ligatures[(first, *ligature.Component)] = ligature.LigGlyph

    def png(self, codes):
        glyphs = tuple(self.map.get(code) for code in codes if code != 0xFE0F)
        glyph = glyphs[0] if len(glyphs) == 1 else self.ligatures.get(glyphs)
        bitmap = self.bitmaps.get(glyph)
        return bitmap.imageData if bitmap is not None else None


def pixels(png):
    """A drawing over white, without the empty columns at its sides: 128 x 128."""
    drawing = Image.open(io.BytesIO(png)).convert("RGBA")
    left = (drawing.width - SIZE) // 2
    drawing = drawing.crop((left, 0, left + SIZE, SIZE))
    return Image.alpha_composite(Image.new("RGBA", drawing.size, "white"), drawing).convert("RGB")


def write(image, folder, name):
    folder.mkdir(parents=True, exist_ok=True)
    image.save(folder / f"{name}.png", compress_level=3)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--crops", type=pathlib.Path, help="a second folder, of parts of the drawings")
    parser.add_argument(
        "--font", default="/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf", type=pathlib.Path)
    parser.add_argument(
        "--names", default="/usr/share/unicode/emoji/emoji-test.txt", type=pathlib.Path)
    arguments = parser.parse_args()
    drawings = Drawings(arguments.font)
    singles = {}
    members = {group: [] for group in GROUPS}
    places = random.Random(1)
    for subgroup, codes, name in emoji(arguments.names):
        png = drawings.png(codes)
        if png is None:
            continue
        image = pixels(png)
        code = "-".join(f"{code:x}" for code in codes)
        single = single_name(subgroup, name)
        if single is not None:
            singles.setdefault(single, []).append((code, image))
        for group in groups(subgroup, name):
            members[group].append((code, image))
        if arguments.crops:
            # Skin tones differ in little else.
            for index in range(1 if "skin tone" in name else 8):
                x, y = places.randrange(SIZE // 2 + 1), places.randrange(SIZE // 2 + 1)
                part = image.crop((x, y, x + SIZE // 2, y + SIZE // 2))
                write(part, arguments.crops / "part", f"{code}.{index}")
    for single, images in singles.items():
        for copy in range({1: 3, 2: 2}.get(len(images), 1)):
            for code, image in images:
                write(image, arguments.folder / with_synonyms(single), f"{code}.{copy}")
    for group, images in members.items():
        for code, image in images:
            write(image, arguments.folder / group, code)
    count = len({code for images in singles.values() for code, _ in images}
                | {code for images in members.values() for code, _ in images})
    print(f"{count} drawings, {len(singles)} classes by name, {len(members)} groups")


if __name__ == "__main__":
    main()
