"""Makes the image files for the tests, with their pixels and crops by Pillow."""

import io
import pathlib
import struct
import zlib

import numpy as np
from PIL import Image

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "Tests" / "Golden" / "images"
SIZE = 64


def drawing(width, height, channels=3, grain=6.0):
    """Waves, a disc with sharp edges and a little noise: `[height, width, channels]`, uint8."""
    generator = np.random.default_rng(width * 1000 + height)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    layers = []
    for c in range(channels):
        wave = 90 * np.sin(x / (5 + 3 * c)) * np.cos(y / (9 - 2 * c)) + 40 * c + 80
        disc = (x - width * 0.6) ** 2 + (y - height * 0.4) ** 2 < (min(width, height) * 0.3) ** 2
        layers.append(np.where(disc, 255 - wave, wave))
    noise = generator.normal(0, grain, (height, width, channels))
    return np.clip(np.stack(layers, axis=2) + noise, 0, 255).astype(np.uint8)


def chunk(kind, content):
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def png(rows, color_type, depth, extra=b"", interlaced=False):
    """An unfiltered PNG file of pixels `[height, width, channels]`, uint8 or big-endian uint16."""
    height, width, _ = rows.shape
    passes = [(0, 0, 1, 1)]
    if interlaced:
        passes = [
            (0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2),
            (1, 0, 2, 1)]
    data = b"".join(
        b"\0" + row.tobytes() for top, left, down, right in passes
        for row in rows[top::down, left::right] if row.size)
    head = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, int(interlaced))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(
        b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b"")


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def jpegs():
    color = Image.fromarray(drawing(61, 47))
    cmyk = Image.fromarray(drawing(45, 33, 4), "CMYK")
    orientation = Image.Exif()
    orientation[0x0112] = 6
    plain = encoded(cmyk, "JPEG", quality=90)
    marker = plain.index(b"Adobe\0")
    ycck = bytearray(plain)
    ycck[marker + 11] = 2
    return {
        "color.jpg": encoded(color, "JPEG", quality=90),
        "progressive.jpg": encoded(
            color, "JPEG", quality=85, progressive=True, subsampling=0, exif=orientation),
        "gray.jpg": encoded(Image.fromarray(drawing(50, 38, 1)[:, :, 0]), "JPEG", quality=90),
        "cmyk.jpg": plain,
        "ycck.jpg": bytes(ycck),
    }


def pngs():
    color, layers = drawing(29, 23), drawing(29, 23, 4)
    deep = drawing(29, 23).astype(np.uint16) * 257 + np.arange(29, dtype=np.uint16)[None, :, None]
    palette = Image.fromarray(color).quantize(16, dither=Image.Dither.NONE)
    gray = drawing(29, 23, 1)
    key = color[11, 14].astype(">u2").tobytes()
    return {
        "color.png": png(color, 2, 8, chunk(b"gAMA", struct.pack(">I", 100000))),
        "interlaced.png": png(color, 2, 8, interlaced=True),
        "alpha.png": png(layers, 6, 8),
        "interlaced-alpha.png": png(layers, 6, 8, interlaced=True),
        "gray-alpha.png": png(layers[:, :, 2:], 4, 8),
        "key.png": png(color, 2, 8, chunk(b"tRNS", key)),
        "deep.png": png(deep.astype(">u2"), 2, 16),
        "deep-gray.png": png(deep[:, :, :1].astype(">u2"), 0, 16),
        "gray.png": png(gray, 0, 8),
        "bits.png": encoded(Image.fromarray(gray[:, :, 0]).convert("1"), "PNG"),
        "palette.png": encoded(palette, "PNG"),
        "palette-alpha.png": encoded(palette, "PNG", transparency=bytes(range(0, 256, 16))),
    }


def bmps():
    color = Image.fromarray(drawing(23, 17))
    plain = encoded(color, "BMP")
    head = bytearray(plain[:54])
    head[22:26] = struct.pack("<i", -17)
    step = len(plain[54:]) // 17
    rows = [plain[54 + step * y:54 + step * (y + 1)] for y in range(17)]
    wide = bytearray(plain[:54])
    wide[28:30] = struct.pack("<H", 32)
    pixels = np.dstack([np.asarray(color)[::-1, :, ::-1], np.full((17, 23), 7, np.uint8)])
    palette = color.quantize(16, dither=Image.Dither.NONE)
    return {
        "color.bmp": plain, "top-down.bmp": bytes(head) + b"".join(rows[::-1]),
        "wide.bmp": bytes(wide) + pixels.tobytes(),
        "masks.bmp": masks(wide) + pixels.tobytes(),
        "bits.bmp": encoded(color.convert("1"), "BMP"),
        "gray.bmp": encoded(color.convert("L"), "BMP"), "palette.bmp": encoded(palette, "BMP"),
        "nibbles.bmp": nibbles(palette),
    }


def masks(head):
    """The head of a file of 32 bits a pixel, with the masks of the three colours."""
    head = bytearray(head)
    head[10:14] = struct.pack("<I", 66)
    head[30:34] = struct.pack("<I", 3)
    return bytes(head) + struct.pack("<III", 0xFF0000, 0xFF00, 0xFF)


def nibbles(image):
    """A BMP file of 4 bits a pixel."""
    pixels = np.asarray(image)[::-1]
    height, width = pixels.shape
    pixels = np.pad(pixels, ((0, 0), (0, -width % 8)))
    data = (pixels[:, ::2] << 4 | pixels[:, 1::2]).astype(np.uint8).tobytes()
    colors = np.frombuffer(image.palette.palette, np.uint8).reshape(-1, 3)[:, ::-1]
    table = np.zeros((16, 4), np.uint8)
    table[:len(colors), :3] = colors
    start = 54 + table.size
    head = struct.pack("<2sIHHI", b"BM", start + len(data), 0, 0, start)
    return head + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 4, 0, len(data), 0, 0, 0, 0) + (
        table.tobytes() + data)


def crops():
    quiet = dict(grain=1.0)
    return {
        "crop-even.jpg": encoded(Image.fromarray(drawing(300, 200, **quiet)), "JPEG", quality=85),
        "crop-odd.jpg": encoded(Image.fromarray(drawing(171, 259, **quiet)), "JPEG", quality=85),
        "crop-twice.jpg": encoded(Image.fromarray(drawing(320, 272, **quiet)), "JPEG", quality=85),
        "crop-exact.png": png(drawing(131, 128, **quiet), 2, 8),
        "crop-small.png": png(drawing(40, 53, **quiet), 2, 8),
        "crop-narrow.png": png(drawing(9, 120, **quiet), 2, 8),
    }


def rgb(content):
    image = Image.open(io.BytesIO(content))
    if image.mode == "I;16":
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA") or "transparency" in image.info:
        layers = image.convert("RGBA")
        white = Image.new("RGBA", layers.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, layers).convert("RGB")
    return image.convert("RGB")


def center_crop(image):
    """Halves by averaging, resizes the shorter side, crops the longer (Dhariwal & Nichol 2021)."""
    while min(image.size) >= 2 * SIZE:
        image = image.resize((image.width // 2, image.height // 2), Image.Resampling.BOX)
    scale = SIZE / min(image.size)
    size = tuple(round(side * scale) for side in image.size)
    image = image.resize(size, Image.Resampling.BICUBIC)
    left, top = (image.width - SIZE) // 2, (image.height - SIZE) // 2
    return image.crop((left, top, left + SIZE, top + SIZE))


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in (jpegs() | pngs() | bmps()).items():
        (FOLDER / name).write_bytes(content)
        rgb(content).save(FOLDER / f"{name}.rgb.png", optimize=True)
    for name, content in crops().items():
        (FOLDER / name).write_bytes(content)
        center_crop(rgb(content)).save(FOLDER / f"{name}.crop64.png", optimize=True)


main()
