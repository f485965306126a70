"""Makes dinov2.safetensors and resize.safetensors: a small DINOv2, and images resized by Pillow."""

import math
import tempfile

import numpy
import torch
from PIL import Image
from safetensors.torch import load_file
from torch.nn.functional import interpolate
from transformers import Dinov2Config, Dinov2Model

from files import check, prepare, random_weights, write_tensors

PATCH, GRID, WIDTH, DEPTH = 7, 4, 128, 2


def deviation(name):
    if "norm" in name and name.endswith("weight"):
        return (1.0, 0.2)
    return (0.5, 0.3) if "lambda" in name else (0.0, 0.1)


def resampled(positions, rows, columns):
    """The positions of another grid, as the published program of DINOv2 has them (an offset of 0.1)."""
    grid = math.isqrt(positions.shape[1] - 1)
    patches = positions[:, 1:].reshape(1, grid, grid, -1).permute(0, 3, 1, 2)
    scale = ((rows + 0.1) / grid, (columns + 0.1) / grid)
    patches = interpolate(patches, scale_factor=scale, mode="bicubic")
    if patches.shape[-2:] != (rows, columns):
        raise AssertionError(f"{list(patches.shape)} for {rows} x {columns}")
    patches = patches.permute(0, 2, 3, 1).reshape(1, rows * columns, -1)
    return torch.cat((positions[:, :1], patches), dim=1)


def make_network():
    config = Dinov2Config(
        hidden_size=WIDTH, num_hidden_layers=DEPTH, num_attention_heads=WIDTH // 64, mlp_ratio=1,
        image_size=PATCH * GRID, patch_size=PATCH, hidden_act="gelu", layer_norm_eps=1e-6,
        qkv_bias=True, use_swiglu_ffn=False, attn_implementation="eager")
    model = Dinov2Model(config).eval()
    generator = torch.Generator().manual_seed(8)
    shapes = {name: list(value.shape) for name, value in model.state_dict().items()}
    weights = random_weights(shapes, generator, deviation)
    eighths = {name: value.to(torch.float8_e4m3fn) for name, value in weights.items()}
    model.load_state_dict({name: value.float() for name, value in eighths.items()})
    images = torch.randn(2, 3, PATCH * GRID, PATCH * GRID, generator=generator)
    wide = torch.randn(1, 3, PATCH * 3, PATCH * 6, generator=generator)
    positions = model.embeddings.position_embeddings
    with torch.no_grad():
        tokens = model(images).last_hidden_state[:, 0]
        # Other grids: the published program's positions in place of Hugging Face's.
        others = {shape: resampled(positions, *shape) for shape in ((3, 6), (5, 5))}
        model.embeddings.interpolate_pos_encoding = lambda *_: others[(3, 6)]
        wide_tokens = model(wide).last_hidden_state[:, 0]
        del model.embeddings.interpolate_pos_encoding
        exact = model.double()(images.double()).last_hidden_state[:, 0]
        check("class token against float64", tokens, exact, 1e-5)
    # The names of files, which are not those within the program.
    with tempfile.TemporaryDirectory() as folder:
        model.float().save_pretrained(folder)
        published = load_file(f"{folder}/model.safetensors")
    tensors = {f"weights.{name}": value.to(torch.float8_e4m3fn) for name, value in published.items()}
    tensors |= {"images": images, "tokens": tokens, "wide": wide, "wide_tokens": wide_tokens}
    tensors |= {f"positions.{rows}x{columns}": value for (rows, columns), value in others.items()}
    # 37 patches a side to 16, as the published networks have them.
    table = torch.randn(1, 1 + 37 * 37, 2, generator=generator)
    tensors |= {"table": table, "table16": resampled(table, 16, 16)}
    write_tensors("dinov2", tensors, {"heads": WIDTH // 64})


def make_resized():
    """Images of even and odd sizes, with edges that a cubic filter overshoots."""
    generator = numpy.random.default_rng(9)
    tensors = {}
    for height, width, new_height, new_width in (
        (16, 16, 28, 28), (31, 23, 14, 14), (24, 24, 24, 17), (9, 30, 40, 30), (64, 48, 7, 5), (1, 1, 3, 3),
        (5, 4, 5, 4),
    ):
        image = generator.integers(0, 256, (height, width, 3), dtype=numpy.uint8)
        image[height // 2 :] = numpy.where(image[height // 2 :] > 127, 255, 0)
        size = (new_width, new_height)
        resized = numpy.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))
        name = f"{height}x{width}.{new_height}x{new_width}"
        tensors |= {f"{name}.old": torch.from_numpy(image), f"{name}.new": torch.from_numpy(resized.copy())}
    write_tensors("resize", tensors, {})


if __name__ == "__main__":
    prepare()
    make_network()
    make_resized()
