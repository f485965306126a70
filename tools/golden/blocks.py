"""Blocks of DiT's successors over the network of reference.py.

Sources: LightningDiT (Yao et al. 2025): RMSNorm, SwiGLU with `w12`, rotations by row and column, QK-norm;
DDT (Wang et al. 2025): SwiGLU with `w1` and `w3` apart, without biases.
"""

import math
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from reference import Config, Network, parameter_shapes


@dataclass(frozen=True)
class BlockConfig(Config):
    norm: str = "layernorm"  # rmsnorm
    mlp: str = "gelu"  # swiglu, swiglu-apart
    positions: str = "sines"  # rope-2d, rope-1d
    qk_norm: str = "none"  # layernorm, rmsnorm

    @property
    def head_width(self):
        return self.hidden_size // self.heads

    @property
    def mlp_width(self):
        wide = self.mlp_ratio * self.hidden_size
        return wide if self.mlp == "gelu" else int(2 * wide / 3)


def block_shapes(config):
    """Shapes by parameter name, in the order of the published code."""
    d, h, w = config.hidden_size, config.mlp_width, config.head_width
    mlps = {
        "swiglu": {
            "mlp.w12.weight": [2 * h, d],
            "mlp.w12.bias": [2 * h],
            "mlp.w3.weight": [d, h],
            "mlp.w3.bias": [d],
        },
        "swiglu-apart": {"mlp.w1.weight": [h, d], "mlp.w3.weight": [h, d], "mlp.w2.weight": [d, h]},
    }
    norm = {"none": [], "rmsnorm": ["weight"], "layernorm": ["weight", "bias"]}
    shapes = {}
    for name, shape in parameter_shapes(config).items():
        block = name.rpartition(".attn.qkv.")[0] if name.endswith(".attn.qkv.weight") else None
        if config.norm == "rmsnorm" and block:
            shapes |= {f"{block}.norm{n}.weight": [d] for n in (1, 2)}
        if config.norm == "rmsnorm" and name == "final_layer.linear.weight":
            shapes["final_layer.norm_final.weight"] = [d]
        if name.endswith(".attn.proj.weight"):
            for part in ("q_norm", "k_norm"):
                prefix = name.removesuffix("proj.weight") + part
                shapes |= {f"{prefix}.{kind}": [w] for kind in norm[config.qk_norm]}
        if ".mlp.fc" in name and config.mlp in mlps:
            if name.endswith("fc1.weight"):
                start = name.removesuffix("mlp.fc1.weight")
                shapes |= {start + part: shape for part, shape in mlps[config.mlp].items()}
            continue
        shapes[name] = shape
    return shapes


def turns(config):
    """Unit complex numbers for each token and pair of channels, `[T, d / 2]`, complex128."""

    def angles(width, count):
        rates = 10000.0 ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
        return torch.arange(count, dtype=torch.float64)[:, None] * rates

    d, g = config.head_width, config.grid
    if config.positions == "rope-1d":
        table = angles(d, g * g)
    else:
        axis = angles(d // 2, g)
        rows, columns = axis.repeat_interleave(g, dim=0), axis.repeat(g, 1)
        table = torch.cat([rows, columns], dim=1)
    return torch.polar(torch.ones_like(table), table)


class BlockNetwork(Network):
    """The network with other blocks; pairs of channels turn as complex numbers."""

    def __init__(self, config, weights):
        if list(weights) != list(block_shapes(config)):
            raise ValueError("the weights do not match the configuration, or are out of order")
        self.config = config
        self.weights = weights

    def root_mean_square(self, name, x):
        wide = x.double()
        norm = wide / torch.sqrt(wide.square().mean(dim=-1, keepdim=True) + 1e-6)
        return norm.to(x.dtype) * self.weights[f"{name}.weight"]

    def normalized(self, x, shift, scale):
        raise NotImplementedError

    def modulated(self, name, x, shift, scale):
        if self.config.norm == "layernorm":
            return super().normalized(x, shift, scale)
        return self.root_mean_square(name, x) * (1 + scale[:, None]) + shift[:, None]

    def block(self, name, x, condition):
        modulation = self.linear(f"{name}.adaLN_modulation.1", condition)
        shift1, scale1, gate1, shift2, scale2, gate2 = modulation.chunk(6, dim=1)
        h = self.attention(f"{name}.attn", self.modulated(f"{name}.norm1", x, shift1, scale1))
        x = x + gate1[:, None] * h
        h = self.mlp(f"{name}.mlp", self.modulated(f"{name}.norm2", x, shift2, scale2))
        return x + gate2[:, None] * h

    def mlp(self, name, x):
        if self.config.mlp == "gelu":
            return self.linear(f"{name}.fc2", F.gelu(self.linear(f"{name}.fc1", x), approximate="tanh"))
        if self.config.mlp == "swiglu":
            gate, value = self.linear(f"{name}.w12", x).chunk(2, dim=-1)
            return self.linear(f"{name}.w3", F.silu(gate) * value)
        gate, value = (x @ self.weights[f"{name}.{part}.weight"].T for part in ("w1", "w3"))
        return (F.silu(gate) * value) @ self.weights[f"{name}.w2.weight"].T

    def attention(self, name, x):
        n, t, d = x.shape
        width = self.config.head_width
        heads = self.linear(f"{name}.qkv", x).reshape(n, t, 3, self.config.heads, width)
        q, k, v = heads.permute(2, 0, 3, 1, 4)  # each [N, heads, T, width]
        q, k = self.prepared(f"{name}.q_norm", q), self.prepared(f"{name}.k_norm", k)
        shares = torch.softmax(q @ k.transpose(2, 3) / math.sqrt(width), dim=3)
        return self.linear(f"{name}.proj", (shares @ v).transpose(1, 2).reshape(n, t, d))

    def prepared(self, name, x):
        if self.config.qk_norm == "rmsnorm":
            x = self.root_mean_square(name, x)
        elif self.config.qk_norm == "layernorm":
            weight, bias = (self.weights[f"{name}.{kind}"] for kind in ("weight", "bias"))
            x = F.layer_norm(x, [self.config.head_width], weight, bias)
        if self.config.positions == "sines":
            return x
        pairs = torch.view_as_complex(x.double().reshape(*x.shape[:-1], -1, 2))
        return torch.view_as_real(pairs * turns(self.config)).flatten(3).to(x.dtype)

    def final(self, x, condition):
        shift, scale = self.linear("final_layer.adaLN_modulation.1", condition).chunk(2, dim=1)
        h = self.modulated("final_layer.norm_final", x, shift, scale)
        return self.linear("final_layer.linear", h)
