"""The network of improved MeanFlow and its sampler.

Source: Geng et al. 2025b (iMF). Conditions are tokens before the patches; blocks are those of a language
model: RMSNorm, rotations by the number of the token, norms of queries and keys, SwiGLU.
"""

import math
from dataclasses import dataclass

import torch
from torch.nn import functional as F

LINEAR, TABLE = "_flax_linear", "y_embedder.embedding_table._flax_embedding.weight"
# Sequence: what each group of tokens is called, and what embeds its number.
EMBEDDERS = {
    "time": "h_embedder",
    "omega": "omega_embedder",
    "t_min": "cfg_t_start_embedder",
    "t_max": "cfg_t_end_embedder",
}


@dataclass(frozen=True)
class MeanFlowConfig:
    input_size: int
    channels: int
    patch_size: int
    hidden_size: int
    depth: int
    head_depth: int
    heads: int
    classes: int
    class_tokens: int = 8
    omega_tokens: int = 4
    t_min_tokens: int = 2
    t_max_tokens: int = 2
    time_tokens: int = 4

    @property
    def grid(self):
        return self.input_size // self.patch_size

    @property
    def mlp_width(self):
        return int(self.hidden_size * (8 / 3))

    @property
    def prefix(self):
        return (
            self.class_tokens + self.omega_tokens + self.t_min_tokens + self.t_max_tokens + self.time_tokens
        )


def parameter_shapes(config):
    """Shapes by parameter name, in the order of the published code."""
    d, h, w = config.hidden_size, config.mlp_width, config.hidden_size // config.heads
    shapes = {
        f"{name}_tokens": [getattr(config, f"{name}_tokens"), d]
        for name in ("time", "class", "omega", "t_min", "t_max")
    }
    shapes["x_embedder.proj.weight"] = [d, config.channels, config.patch_size, config.patch_size]
    shapes["x_embedder.proj.bias"] = [d]
    for name in EMBEDDERS.values():
        for layer, inputs in (("mlp.0", 256), ("mlp.2", d)):
            shapes[f"{name}.{layer}.{LINEAR}.weight"] = [d, inputs]
            shapes[f"{name}.{layer}.{LINEAR}.bias"] = [d]
    shapes[TABLE] = [config.classes + 1, d]
    shared = config.depth - config.head_depth
    counts = {"shared_blocks": shared, "u_heads": config.head_depth, "v_heads": config.head_depth}
    for part, count in counts.items():
        for index in range(count):
            block = f"{part}.{index}"
            shapes |= {f"{block}.attn_scale": [d], f"{block}.mlp_scale": [d]}
            shapes[f"{block}.norm1.weight"] = [d]
            for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
                shapes[f"{block}.attn.{name}.{LINEAR}.weight"] = [d, d]
            shapes |= {f"{block}.attn.{name}.weight": [w] for name in ("q_norm", "k_norm")}
            shapes[f"{block}.norm2.weight"] = [d]
            for name, shape in (("w1", [h, d]), ("w3", [h, d]), ("w2", [d, h])):
                shapes[f"{block}.mlp.{name}.{LINEAR}.weight"] = shape
    for part in ("u_final_layer", "v_final_layer"):
        outputs = config.patch_size**2 * config.channels
        shapes[f"{part}.norm.weight"] = [d]
        shapes[f"{part}.linear.{LINEAR}.weight"] = [outputs, d]
        shapes[f"{part}.linear.{LINEAR}.bias"] = [outputs]
    return shapes


def turns(width, count):
    """Unit complex numbers for each token and pair of channels, `[T, d / 2]`, complex128."""
    rates = 10000.0 ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
    angles = torch.arange(count, dtype=torch.float64)[:, None] * rates
    return torch.polar(torch.ones_like(angles), angles)


class MeanFlowNetwork:
    def __init__(self, config, weights):
        if list(weights) != list(parameter_shapes(config)):
            raise ValueError("the weights do not match the configuration, or are out of order")
        self.config = config
        self.weights = weights

    def __call__(self, z, span, omega, low, high, y):
        """u and v, `[N, C, H, W]` each."""
        x = self.tokens(z, span, omega, low, high, y)
        shared, head = self.config.depth - self.config.head_depth, self.config.head_depth
        for index in range(shared):
            x = self.block(f"shared_blocks.{index}", x)
        outputs = []
        for part in ("u", "v"):
            branch = x
            for index in range(head):
                branch = self.block(f"{part}_heads.{index}", branch)
            outputs.append(self.final(f"{part}_final_layer", branch))
        return tuple(outputs)

    def tokens(self, z, span, omega, low, high, y):
        numbers = {"time": span, "omega": 1 - 1 / omega, "t_min": low, "t_max": high}
        vectors = {"class": self.weights[TABLE][y]}
        for name, embedder in EMBEDDERS.items():
            vectors[name] = self.embedded(embedder, numbers[name])
        groups = [
            self.weights[f"{name}_tokens"] + vectors[name][:, None]
            for name in ("class", "omega", "t_min", "t_max", "time")
        ]
        weight, bias = (self.weights[f"x_embedder.proj.{kind}"] for kind in ("weight", "bias"))
        p = self.config.patch_size
        patches = F.unfold(z, p, stride=p).transpose(1, 2) @ weight.flatten(1).T + bias
        return torch.cat([*groups, patches], dim=1)

    def embedded(self, name, numbers):
        rates = torch.exp(-math.log(10000.0) * torch.arange(128, dtype=torch.float32) / 128)
        angles = numbers[:, None].to(torch.float32) * rates
        waves = torch.cat([angles.cos(), angles.sin()], dim=1).to(self.weights[TABLE].dtype)
        return self.linear(f"{name}.mlp.2", F.silu(self.linear(f"{name}.mlp.0", waves)))

    def linear(self, name, x):
        result = x @ self.weights[f"{name}.{LINEAR}.weight"].T
        bias = self.weights.get(f"{name}.{LINEAR}.bias")
        return result if bias is None else result + bias

    def norm(self, name, x):
        return x / torch.sqrt(x.square().mean(dim=-1, keepdim=True) + 1e-6) * self.weights[f"{name}.weight"]

    def block(self, name, x):
        h = self.attention(f"{name}.attn", self.norm(f"{name}.norm1", x))
        x = x + self.weights[f"{name}.attn_scale"] * h
        h = self.norm(f"{name}.norm2", x)
        gate, value = (self.linear(f"{name}.mlp.{part}", h) for part in ("w1", "w3"))
        return x + self.weights[f"{name}.mlp_scale"] * self.linear(f"{name}.mlp.w2", F.silu(gate) * value)

    def attention(self, name, x):
        n, t, d = x.shape
        width = d // self.config.heads

        def heads(part):
            return self.linear(f"{name}.{part}_proj", x).reshape(n, t, self.config.heads, width).transpose(1, 2)

        q, k = (self.turned(self.norm(f"{name}.{part}_norm", heads(part))) for part in ("q", "k"))
        shares = torch.softmax(q @ k.transpose(2, 3) / math.sqrt(width), dim=3)
        return self.linear(f"{name}.out_proj", (shares @ heads("v")).transpose(1, 2).reshape(n, t, d))

    def turned(self, x):
        a, b = x.unflatten(-1, (-1, 2)).unbind(-1)
        turn = turns(x.shape[3], x.shape[2])
        c, s = turn.real.to(x.dtype), turn.imag.to(x.dtype)
        return torch.stack([a * c - b * s, b * c + a * s], dim=-1).flatten(3)

    def final(self, name, x):
        c, p, g = self.config.channels, self.config.patch_size, self.config.grid
        patches = self.linear(f"{name}.linear", self.norm(f"{name}.norm", x)[:, self.config.prefix :])
        # [N, g, g, p, p, C] to [N, C, g, p, g, p]
        images = patches.reshape(-1, g, g, p, p, c).permute(0, 5, 1, 3, 2, 4)
        return images.reshape(-1, c, g * p, g * p)


def sampled(network, z, steps, omega, low, high, y):
    """The latents after each step, from noise at time 1 to data at 0."""
    numbers = [torch.full([len(z)], value, dtype=z.dtype) for value in (omega, low, high)]
    times = torch.linspace(1, 0, steps + 1, dtype=torch.float64)
    result = [z]
    for start, end in zip(times, times[1:]):
        span = torch.full([len(z)], (start - end).item(), dtype=z.dtype)
        z = z - (start - end).item() * network(z, span, *numbers, y)[0]
        result.append(z)
    return torch.stack(result)
