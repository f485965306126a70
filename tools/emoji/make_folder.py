#!/usr/bin/env python3
"""Extracts emoji from the Noto Color Emoji font into one folder per class.

usage: make_folder.py FOLDER [--font NotoColorEmoji.ttf] [--names emoji-test.txt]

The font and the list come from Debian's fonts-noto-color-emoji and unicode-data. Apart from
flags, only emoji of one code point (and a variation selector) are used; skin tones are left out.
"""

import argparse
import pathlib
import re

from fontTools.ttLib import TTFont

# For each class: subgroups of emoji-test.txt, and a pattern for the names of its emoji.
CLASSES = {
    "arrow": (["arrow"], ""),
    "cat": (["cat-face"], ""),
    "clock": (["time"], r"o.clock|thirty"),
    "face": (
        ["face-smiling", "face-affection", "face-tongue", "face-hand", "face-neutral-skeptical",
         "face-sleepy", "face-unwell", "face-hat", "face-glasses", "face-concerned"], ""),
    "flag": (
        ["country-flag"],
        r": (Austria|Belgium|Brazil|Canada|Chile|China|Denmark|Estonia|Finland|France|Germany|Greece"
        r"|India|Ireland|Italy|Japan|Netherlands|Nigeria|Norway|Poland|Spain|Sweden|Switzerland"
        r"|Ukraine)$"),
    "flower": (["plant-flower"], r"flower|blossom|rose|tulip|hibiscus|rosette"),
    "fruit": (["food-fruit"], ""),
    "geometric": (["geometric"], r"circle|square|diamond|triangle"),
    "heart": (["heart", "emotion"], "heart"),
    "keycap": (["alphanum", "keycap"], r"button|keycap"),
    "moon": (["sky & weather"], "moon"),
    "zodiac": (["zodiac"], ""),
}


def emoji(path):
    """Yields the fully qualified emoji of emoji-test.txt: subgroup, code points, name."""
    subgroup = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# subgroup:"):
            subgroup = line.split(":", 1)[1].strip()
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


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument(
        "--font", default="/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf", type=pathlib.Path)
    parser.add_argument(
        "--names", default="/usr/share/unicode/emoji/emoji-test.txt", type=pathlib.Path)
    arguments = parser.parse_args()
    drawings = Drawings(arguments.font)
    counts = dict.fromkeys(CLASSES, 0)
    for subgroup, codes, name in emoji(arguments.names):
        for label, (subgroups, pattern) in CLASSES.items():
            if subgroup not in subgroups or not re.search(pattern, name):
                continue
            png = drawings.png(codes)
            if png is None:
                continue
            target = arguments.folder / label / ("-".join(f"{code:x}" for code in codes) + ".png")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(png)
            counts[label] += 1
    for label, count in counts.items():
        print(f"{label}: {count}")


if __name__ == "__main__":
    main()
