"""Writes a DiT-XL/2 checkpoint for 256 px in the published format, with random weights.

Usage: make_checkpoint.py FILE.pt
The weights keep the scale of activations about the same from layer to layer, and no gate is closed, so
that rounding errors of number formats show.
"""

import math
import sys

import torch

WIDTH, DEPTH, GRID, CLASSES = 1152, 28, 16, 1000


def positions():
    """Fixed 2D sine-cosine position embedding (Peebles & Xie 2023, section 3.2)."""
    rates = 10000.0 ** (-torch.arange(WIDTH // 4, dtype=torch.float64) / (WIDTH // 4))
    angles = torch.arange(GRID, dtype=torch.float64)[:, None] * rates
    side = torch.cat([angles.sin(), angles.cos()], dim=1)  # [GRID, WIDTH / 2]
    across = side[None, :, :].expand(GRID, GRID, -1)
    down = side[:, None, :].expand(GRID, GRID, -1)
    return torch.cat([across, down], dim=2).reshape(1, GRID * GRID, WIDTH).float()


def main():
    torch.manual_seed(0)
    state = {"pos_embed": positions()}

    def layer(name, *shape, scale=1.0):
        state[f"{name}.weight"] = torch.randn(*shape) * (scale / math.sqrt(math.prod(shape[1:])))
        state[f"{name}.bias"] = torch.randn(shape[0]) * 0.02

    layer("x_embedder.proj", WIDTH, 4, 2, 2)
    layer("t_embedder.mlp.0", WIDTH, 256, scale=2)
    layer("t_embedder.mlp.2", WIDTH, WIDTH, scale=2)
    state["y_embedder.embedding_table.weight"] = torch.randn(CLASSES + 1, WIDTH) * 0.5
    for block in range(DEPTH):
        layer(f"blocks.{block}.attn.qkv", 3 * WIDTH, WIDTH)
        layer(f"blocks.{block}.attn.proj", WIDTH, WIDTH)
        layer(f"blocks.{block}.mlp.fc1", 4 * WIDTH, WIDTH)
        layer(f"blocks.{block}.mlp.fc2", WIDTH, 4 * WIDTH)
        layer(f"blocks.{block}.adaLN_modulation.1", 6 * WIDTH, WIDTH, scale=0.5)
    layer("final_layer.linear", 32, WIDTH)
    layer("final_layer.adaLN_modulation.1", 2 * WIDTH, WIDTH, scale=0.5)
    torch.save(state, sys.argv[1])


if __name__ == "__main__":
    main()
