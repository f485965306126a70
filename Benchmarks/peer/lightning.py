#!/usr/bin/env python3
"""LightningDiT-XL/1 and VA-VAE in plain PyTorch, with weights from files: the baseline of Benchmarks/lightning.py.

Usage: lightning.py make FOLDER | lightning.py run FOLDER [--steps N] [--threads N]
`make` writes random weights in the published form: dit.pt, vae.pt, latents_stats.pt. `run` times guided steps for one
image, then its decoding, and prints one JSON object.
"""

import math
import time

import torch
from torch.nn import functional as F

import large_model

WIDTH, DEPTH, HEADS, GRID, CHANNELS, CLASSES, HIDDEN = 1152, 28, 16, 16, 32, 1000, 3072
LEVELS = [128, 128, 256, 256, 512]


def rotations():
    """Cosines and sines for each token and channel of a head, `[T, d]`."""
    width = WIDTH // HEADS // 2
    rates = 10000.0 ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
    axis = torch.arange(GRID, dtype=torch.float64)[:, None] * rates
    table = torch.cat([axis.repeat_interleave(GRID, dim=0), axis.repeat(GRID, 1)], dim=1)
    table = table.repeat_interleave(2, dim=1).float()
    return table.cos(), table.sin()


def make_model():
    torch.manual_seed(0)
    rates = 10000.0 ** (-torch.arange(WIDTH // 4, dtype=torch.float64) / (WIDTH // 4))
    angles = torch.arange(GRID, dtype=torch.float64)[:, None] * rates
    side = torch.cat([angles.sin(), angles.cos()], dim=1)
    places = [side[None].expand(GRID, GRID, -1), side[:, None].expand(GRID, GRID, -1)]
    state = {"pos_embed": torch.cat(places, dim=2).reshape(1, GRID**2, WIDTH).float()}

    def layer(name, *shape, scale=1.0):
        state[f"{name}.weight"] = torch.randn(*shape) * (scale / math.sqrt(math.prod(shape[1:])))
        state[f"{name}.bias"] = torch.randn(shape[0]) * 0.02

    layer("x_embedder.proj", WIDTH, CHANNELS, 1, 1)
    layer("t_embedder.mlp.0", WIDTH, 256, scale=2)
    layer("t_embedder.mlp.2", WIDTH, WIDTH, scale=2)
    state["y_embedder.embedding_table.weight"] = torch.randn(CLASSES + 1, WIDTH) * 0.5
    state["feat_rope.freqs_cos"], state["feat_rope.freqs_sin"] = rotations()
    for name in (f"blocks.{block}" for block in range(DEPTH)):
        state[f"{name}.norm1.weight"] = state[f"{name}.norm2.weight"] = torch.ones(WIDTH)
        layer(f"{name}.attn.qkv", 3 * WIDTH, WIDTH)
        layer(f"{name}.attn.proj", WIDTH, WIDTH)
        layer(f"{name}.mlp.w12", 2 * HIDDEN, WIDTH)
        layer(f"{name}.mlp.w3", WIDTH, HIDDEN)
        layer(f"{name}.adaLN_modulation.1", 6 * WIDTH, WIDTH, scale=0.5)
    state["final_layer.norm_final.weight"] = torch.ones(WIDTH)
    layer("final_layer.linear", CHANNELS, WIDTH)
    layer("final_layer.adaLN_modulation.1", 2 * WIDTH, WIDTH, scale=0.5)
    return state


def make_decoder():
    torch.manual_seed(1)
    state, last = {}, LEVELS[-1]

    def conv(name, inputs, outputs, size):
        scale = 1 / math.sqrt(inputs * size * size)
        state[f"{name}.weight"] = torch.randn(outputs, inputs, size, size) * scale
        state[f"{name}.bias"] = torch.zeros(outputs)

    def norm(name, width):
        state[f"{name}.weight"], state[f"{name}.bias"] = torch.ones(width), torch.zeros(width)

    def block(name, inputs, outputs):
        norm(f"{name}.norm1", inputs)
        conv(f"{name}.conv1", inputs, outputs, 3)
        norm(f"{name}.norm2", outputs)
        conv(f"{name}.conv2", outputs, outputs, 3)
        if inputs != outputs:
            conv(f"{name}.nin_shortcut", inputs, outputs, 1)

    def attention(name):
        norm(f"{name}.norm", last)
        for part in ("q", "k", "v", "proj_out"):
            conv(f"{name}.{part}", last, last, 1)

    conv("post_quant_conv", CHANNELS, CHANNELS, 1)
    conv("decoder.conv_in", CHANNELS, last, 3)
    block("decoder.mid.block_1", last, last)
    attention("decoder.mid.attn_1")
    block("decoder.mid.block_2", last, last)
    before = last
    for level in reversed(range(len(LEVELS))):
        for index in range(3):
            block(f"decoder.up.{level}.block.{index}", before, LEVELS[level])
            before = LEVELS[level]
            if level == len(LEVELS) - 1:
                attention(f"decoder.up.{level}.attn.{index}")
        if level > 0:
            conv(f"decoder.up.{level}.upsample.conv", before, before, 3)
    norm("decoder.norm_out", before)
    conv("decoder.conv_out", before, 3, 3)
    return state


def linear(state, name, x):
    return F.linear(x, state[f"{name}.weight"], state[f"{name}.bias"])


def modulate(state, name, x, shift, scale):
    x = F.rms_norm(x, (WIDTH,), state[f"{name}.weight"], 1e-6)
    return x * (1 + scale.unsqueeze(1)) + shift.unsqueeze(1)


def turned(x, cosines, sines):
    pairs = x.unflatten(-1, (-1, 2))
    other = torch.stack([-pairs[..., 1], pairs[..., 0]], dim=-1).flatten(-2)
    return x * cosines + other * sines


def velocity(state, x, t, y):
    tables = state["feat_rope.freqs_cos"], state["feat_rope.freqs_sin"]
    h = F.conv2d(x, state["x_embedder.proj.weight"], state["x_embedder.proj.bias"])
    h = h.flatten(2).transpose(1, 2) + state["pos_embed"]
    rates = torch.exp(-math.log(10000) / 128 * torch.arange(128, dtype=torch.float32))
    angles = t[:, None] * rates
    waves = torch.cat([angles.cos(), angles.sin()], dim=1)
    c = linear(state, "t_embedder.mlp.2", F.silu(linear(state, "t_embedder.mlp.0", waves)))
    c = F.silu(c + state["y_embedder.embedding_table.weight"][y])
    for name in (f"blocks.{block}" for block in range(DEPTH)):
        parts = linear(state, f"{name}.adaLN_modulation.1", c).chunk(6, dim=1)
        shift1, scale1, gate1, shift2, scale2, gate2 = parts
        inner = linear(state, f"{name}.attn.qkv", modulate(state, f"{name}.norm1", h, shift1, scale1))
        q, k, v = inner.unflatten(2, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(turned(q, *tables), turned(k, *tables), v)
        h = h + gate1.unsqueeze(1) * linear(state, f"{name}.attn.proj", mixed.transpose(1, 2).flatten(2))
        inner = linear(state, f"{name}.mlp.w12", modulate(state, f"{name}.norm2", h, shift2, scale2))
        gate, value = inner.chunk(2, dim=-1)
        h = h + gate2.unsqueeze(1) * linear(state, f"{name}.mlp.w3", F.silu(gate) * value)
    shift, scale = linear(state, "final_layer.adaLN_modulation.1", c).chunk(2, dim=1)
    h = linear(state, "final_layer.linear", modulate(state, "final_layer.norm_final", h, shift, scale))
    return h.transpose(1, 2).reshape(x.shape)


def decode(state, z):
    def conv(name, x, padding=0):
        return F.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], padding=padding)

    def norm(name, x):
        return F.group_norm(x, 32, state[f"{name}.weight"], state[f"{name}.bias"], 1e-6)

    def block(name, x):
        h = conv(f"{name}.conv1", F.silu(norm(f"{name}.norm1", x)), 1)
        h = conv(f"{name}.conv2", F.silu(norm(f"{name}.norm2", h)), 1)
        return h + (conv(f"{name}.nin_shortcut", x) if f"{name}.nin_shortcut.weight" in state else x)

    def attention(name, x):
        h = norm(f"{name}.norm", x)
        q, k, v = (conv(f"{name}.{part}", h).flatten(2).transpose(1, 2)[:, None] for part in "qkv")
        mixed = F.scaled_dot_product_attention(q, k, v)[:, 0].transpose(1, 2).reshape(x.shape)
        return x + conv(f"{name}.proj_out", mixed)

    h = conv("decoder.conv_in", conv("post_quant_conv", z), 1)
    h = block("decoder.mid.block_1", h)
    h = block("decoder.mid.block_2", attention("decoder.mid.attn_1", h))
    for level in reversed(range(len(LEVELS))):
        for index in range(3):
            h = block(f"decoder.up.{level}.block.{index}", h)
            if level == len(LEVELS) - 1:
                h = attention(f"decoder.up.{level}.attn.{index}", h)
        if level > 0:
            h = conv(f"decoder.up.{level}.upsample.conv", F.interpolate(h, scale_factor=2.0), 1)
    return conv("decoder.conv_out", F.silu(norm("decoder.norm_out", h)), 1)


def make(folder):
    folder.mkdir(parents=True, exist_ok=True)
    torch.save({"ema": make_model()}, folder / "dit.pt")
    torch.save({"state_dict": make_decoder()}, folder / "vae.pt")
    shape = (1, CHANNELS, 1, 1)
    torch.save({"mean": torch.randn(shape) * 0.3, "std": torch.rand(shape) + 0.5}, folder / "latents_stats.pt")


def run(folder, steps):
    model, autoencoder = torch.load(folder / "dit.pt")["ema"], torch.load(folder / "vae.pt")["state_dict"]
    stats = torch.load(folder / "latents_stats.pt")
    x, labels, times = torch.randn(1, CHANNELS, GRID, GRID), torch.tensor([207, CLASSES]), []
    with torch.inference_mode():
        for step in range(steps + 1):
            start = time.perf_counter()
            v = velocity(model, x.repeat(2, 1, 1, 1), torch.full((2,), step / (steps + 1)), labels)
            guided = v[1:, :3] + 6.7 * (v[:1, :3] - v[1:, :3])
            x = x + torch.cat([guided, v[:1, 3:]], dim=1) / (steps + 1)
            x.sum().item()
            times.append(time.perf_counter() - start)
        start = time.perf_counter()
        decode(autoencoder, x * stats["std"] + stats["mean"]).sum().item()
        decoding = time.perf_counter() - start
    large_model.report(times, decode_seconds=decoding)


if __name__ == "__main__":
    large_model.main(__doc__, make, run)
