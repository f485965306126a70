"""The Diffusion Transformer of Peebles & Xie 2023 (section 3.2, figure 3, appendix A).

The network is a function of a dictionary of tensors, named as in the published checkpoints. Shapes:
N batch, T tokens, D width, C H W image, p patch size, g patches per side.
"""

import math
from dataclasses import dataclass

import torch
from torch.nn import functional as F

SINUSOIDS = 256


@dataclass(frozen=True)
class Config:
    input_size: int
    channels: int
    patch_size: int
    hidden_size: int
    depth: int
    heads: int
    classes: int
    learns_variance: bool
    mlp_ratio: int = 4

    @property
    def grid(self):
        return self.input_size // self.patch_size

    @property
    def tokens(self):
        return self.grid**2

    @property
    def output_channels(self):
        return self.channels * (2 if self.learns_variance else 1)


def parameter_shapes(config):
    """Shapes by parameter name, in the order of the published checkpoints, `pos_embed` first."""
    d, p = config.hidden_size, config.patch_size
    shapes = {"pos_embed": [1, config.tokens, d]}

    def linear(name, rows, columns):
        shapes[f"{name}.weight"] = [rows, columns]
        shapes[f"{name}.bias"] = [rows]

    shapes["x_embedder.proj.weight"] = [d, config.channels, p, p]
    shapes["x_embedder.proj.bias"] = [d]
    linear("t_embedder.mlp.0", d, SINUSOIDS)
    linear("t_embedder.mlp.2", d, d)
    shapes["y_embedder.embedding_table.weight"] = [config.classes + 1, d]
    for n in range(config.depth):
        linear(f"blocks.{n}.attn.qkv", 3 * d, d)
        linear(f"blocks.{n}.attn.proj", d, d)
        linear(f"blocks.{n}.mlp.fc1", config.mlp_ratio * d, d)
        linear(f"blocks.{n}.mlp.fc2", d, config.mlp_ratio * d)
        linear(f"blocks.{n}.adaLN_modulation.1", 6 * d, d)
    linear("final_layer.linear", p * p * config.output_channels, d)
    linear("final_layer.adaLN_modulation.1", 2 * d, d)
    return shapes


def axis_sinusoids(places, width):
    """Sines, then cosines, of positions along one axis: `[T]` to `[T, width]`, float64."""
    half = width // 2
    rates = 10000.0 ** (-torch.arange(half, dtype=torch.float64) / half)
    angles = places.double()[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def position_embedding(width, grid):
    """Fixed positions, `[1, T, D]`: the column in the first half of D, the row in the second."""
    row, column = torch.meshgrid(torch.arange(grid), torch.arange(grid), indexing="ij")
    first = axis_sinusoids(column.flatten(), width // 2)
    second = axis_sinusoids(row.flatten(), width // 2)
    return torch.cat([first, second], dim=1)[None].float()


def timestep_sinusoids(t):
    """Cosines, then sines, of timesteps, `[N]` to `[N, 256]`, computed in float32."""
    half = SINUSOIDS // 2
    rates = torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float32) / half)
    angles = t.float()[:, None] * rates
    return torch.cat([angles.cos(), angles.sin()], dim=1)


class Network:
    """The network over a dictionary of weights."""

    def __init__(self, config, weights):
        if list(weights) != list(parameter_shapes(config)):
            raise ValueError("the weights do not match the configuration, or are out of order")
        self.config = config
        self.weights = weights

    def __call__(self, x, t, y, parts=None):
        """Noise, and the variance if learned, `[N, C or 2 C, H, W]`; `parts` collects intermediate values."""
        parts = {} if parts is None else parts
        h = parts["tokens"] = self.tokens(x)
        sinusoids = parts["timestep_sinusoids"] = timestep_sinusoids(t)
        time = parts["timestep_embedding"] = self.time(sinusoids.to(x.dtype))
        label = parts["label_embedding"] = self.weights["y_embedder.embedding_table.weight"][y]
        condition = F.silu(time + label)
        for n in range(self.config.depth):
            h = parts[f"block{n}"] = self.block(f"blocks.{n}", h, condition)
        patches = parts["unpatchified_input"] = self.final(h, condition)
        image = parts["unpatchified"] = self.unpatchified(patches)
        return image

    def linear(self, name, x):
        return F.linear(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def tokens(self, x):
        n, c, p, g = len(x), self.config.channels, self.config.patch_size, self.config.grid
        patches = x.reshape(n, c, g, p, g, p).permute(0, 2, 4, 1, 3, 5).reshape(n, g * g, c * p * p)
        kernel = self.weights["x_embedder.proj.weight"].flatten(1)
        embedded = F.linear(patches, kernel, self.weights["x_embedder.proj.bias"])
        return embedded + self.weights["pos_embed"]

    def time(self, sinusoids):
        return self.linear("t_embedder.mlp.2", F.silu(self.linear("t_embedder.mlp.0", sinusoids)))

    def normalized(self, x, shift, scale):
        """Parameter-free layer norm, then the adaptive shift and scale, `[N, D]` each."""
        centred = x - x.mean(dim=-1, keepdim=True)
        variance = centred.square().mean(dim=-1, keepdim=True)
        return centred / torch.sqrt(variance + 1e-6) * (1 + scale[:, None]) + shift[:, None]

    def block(self, name, x, condition):
        modulation = self.linear(f"{name}.adaLN_modulation.1", condition)
        shift1, scale1, gate1, shift2, scale2, gate2 = modulation.chunk(6, dim=1)
        h = self.attention(f"{name}.attn", self.normalized(x, shift1, scale1))
        x = x + gate1[:, None] * h
        h = self.linear(f"{name}.mlp.fc1", self.normalized(x, shift2, scale2))
        h = self.linear(f"{name}.mlp.fc2", F.gelu(h, approximate="tanh"))
        return x + gate2[:, None] * h

    def attention(self, name, x):
        n, t, d = x.shape
        width = d // self.config.heads
        heads = self.linear(f"{name}.qkv", x).reshape(n, t, 3, self.config.heads, width)
        q, k, v = heads.permute(2, 0, 3, 1, 4)  # each [N, heads, T, width]
        shares = torch.softmax(q @ k.transpose(2, 3) / math.sqrt(width), dim=3)
        return self.linear(f"{name}.proj", (shares @ v).transpose(1, 2).reshape(n, t, d))

    def final(self, x, condition):
        shift, scale = self.linear("final_layer.adaLN_modulation.1", condition).chunk(2, dim=1)
        return self.linear("final_layer.linear", self.normalized(x, shift, scale))

    def unpatchified(self, patches):
        n, p, g = len(patches), self.config.patch_size, self.config.grid
        # Row, column, row within the patch, column within it, channel.
        cells = patches.reshape(n, g, g, p, p, -1)
        return cells.permute(0, 5, 1, 3, 2, 4).reshape(n, -1, g * p, g * p)


def guided(output, scale, channels):
    """Classifier-free guidance of a batch [conditional; null] on the first channels.

    Both halves get the guided channels and keep their own other channels.
    """
    conditional, null = output.chunk(2)
    combined = null[:, :channels] + scale * (conditional - null)[:, :channels]
    halves = [torch.cat([combined, rows[:, channels:]], dim=1) for rows in (conditional, null)]
    return torch.cat(halves)
