"""Writes a DiT-XL/2 for 256 px with random weights, as its authors publish theirs.

Usage: make_checkpoint.py FILE.pt
"""

import sys

import torch

WIDTH, DEPTH, TOKENS, CLASSES = 1152, 28, 256, 1000


def main():
    torch.manual_seed(0)
    state = {"pos_embed": torch.randn(1, TOKENS, WIDTH)}

    def layer(name, *shape):
        state[f"{name}.weight"] = torch.randn(*shape) * 0.02
        state[f"{name}.bias"] = torch.randn(shape[0]) * 0.02

    layer("x_embedder.proj", WIDTH, 4, 2, 2)
    layer("t_embedder.mlp.0", WIDTH, 256)
    layer("t_embedder.mlp.2", WIDTH, WIDTH)
    state["y_embedder.embedding_table.weight"] = torch.randn(CLASSES + 1, WIDTH) * 0.02
    for block in range(DEPTH):
        layer(f"blocks.{block}.attn.qkv", 3 * WIDTH, WIDTH)
        layer(f"blocks.{block}.attn.proj", WIDTH, WIDTH)
        layer(f"blocks.{block}.mlp.fc1", 4 * WIDTH, WIDTH)
        layer(f"blocks.{block}.mlp.fc2", WIDTH, 4 * WIDTH)
        layer(f"blocks.{block}.adaLN_modulation.1", 6 * WIDTH, WIDTH)
    layer("final_layer.linear", 32, WIDTH)
    layer("final_layer.adaLN_modulation.1", 2 * WIDTH, WIDTH)
    torch.save(state, sys.argv[1])


if __name__ == "__main__":
    main()
