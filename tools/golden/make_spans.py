"""Makes training-meanflow.safetensors: a DiT told how far a step goes, its derivative, losses and gradients.

Source: Geng et al. 2025 (MeanFlow), equations 6, 10 and 11, and appendix B.1. Times here are SiT's, from noise at 0 to
data at 1: s, and s + h with h >= 0. All in float64.
"""

from dataclasses import asdict

import torch
from torch.nn import functional as F
from torch.optim import AdamW

from blocks import BlockConfig, BlockNetwork, block_shapes
from files import check, prepare, random_weights, write_tensors
from reference import position_embedding, timestep_sinusoids

CONFIG = BlockConfig(
    4, 2, 2, 16, 2, 2, 4, False, norm="rmsnorm", mlp="swiglu", positions="rope-2d", qk_norm="rmsnorm"
)
STEPS, ROWS = 5, 5
SCALE, MIXING = 1.3, 0.4
POWER, OFFSET = 0.75, 0.02


def shapes():
    """Those of the network, with an embedder of spans after that of times."""
    result = {}
    for name, shape in block_shapes(CONFIG).items():
        if name == "y_embedder.embedding_table.weight":
            times = [(key, value) for key, value in result.items() if key.startswith("t_embedder")]
            result |= {key.replace("t_embedder", "h_embedder"): value for key, value in times}
        result[name] = shape
    return result


class SpanNetwork(BlockNetwork):
    def __init__(self, weights):
        if list(weights) != list(shapes()):
            raise ValueError("the weights are out of order")
        self.config, self.weights = CONFIG, weights

    def embedded(self, name, values, dtype):
        h = F.silu(self.linear(f"{name}.mlp.0", timestep_sinusoids(values).to(dtype)))
        return self.linear(f"{name}.mlp.2", h)

    def __call__(self, x, s, h, y):
        time, span = (self.embedded(name, value, x.dtype) for name, value in (("t_embedder", s), ("h_embedder", h)))
        condition = F.silu(time + span + self.weights["y_embedder.embedding_table.weight"][y])
        tokens = self.tokens(x)
        for n in range(CONFIG.depth):
            tokens = self.block(f"blocks.{n}", tokens, condition)
        return self.unpatchified(self.final(tokens, condition))


def column(values):
    return values.reshape(-1, 1, 1, 1)


def slope(network, x, s, h, y, velocity):
    """du/ds where the end s + h stays."""
    ones = torch.ones_like(s)
    return torch.func.jvp(lambda *at: network(*at, y), (x, s, h), (velocity, ones, -ones))[1]


def loss_of(network, x0, noise, s, h, y, dropped):
    """The mean loss of some rows, and their squared errors."""
    null = torch.full_like(y, CONFIG.classes)
    x, velocity = column(s) * x0 + (1 - column(s)) * noise, x0 - noise
    with torch.no_grad():
        zero = torch.zeros_like(s)
        guided = SCALE * velocity + MIXING * network(x, s, zero, y)
        guided = guided + (1 - SCALE - MIXING) * network(x, s, zero, null)
        velocity = torch.where(column(dropped), velocity, guided)
        y = torch.where(dropped, null, y)
        target = velocity + column(h) * slope(network, x, s, h, y, velocity)
    squares = (network(x, s, h, y) - target).square().sum(dim=(1, 2, 3))
    loss = (squares / (squares.detach() + OFFSET) ** POWER).mean()
    return loss, squares / x0[0].numel()


def inputs():
    generator = torch.Generator().manual_seed(31)
    shape = (STEPS, ROWS, CONFIG.channels, CONFIG.input_size, CONFIG.input_size)
    ends = torch.rand((2, STEPS, ROWS), generator=generator).sort(dim=0).values
    apart = torch.tensor([True, False, True, True, False])
    return {
        "x0": torch.randn(shape, generator=generator) * 0.8,
        "noise": torch.randn(shape, generator=generator),
        "s": ends[0],
        "h": torch.where(apart, ends[1] - ends[0], 0),
        "y": torch.randint(0, CONFIG.classes, shape[:2], generator=generator),
        "dropped": torch.tensor([False, False, True, False, True]).repeat(STEPS, 1),
    }


def make_weights():
    generator = torch.Generator().manual_seed(30)

    def deviation(name):
        if "norm" in name and name.endswith("weight"):
            return 1.0, 0.2
        return 0.0, 0.2 if "attn.qkv" in name else 0.15

    weights = {name: value.half().float() for name, value in random_weights(shapes(), generator, deviation).items()}
    return weights | {"pos_embed": position_embedding(CONFIG.hidden_size, CONFIG.grid)}


def make():
    weights, data = make_weights(), inputs()
    leaves = {name: value.double().requires_grad_(name != "pos_embed") for name, value in weights.items()}
    trained = [leaf for leaf in leaves.values() if leaf.requires_grad]
    network, optimizer = SpanNetwork(leaves), AdamW(trained, lr=1e-3, weight_decay=0.0)
    tensors = {f"weights.{name}": value if name == "pos_embed" else value.half() for name, value in weights.items()}
    tensors |= {f"steps.{name}": value for name, value in data.items()}

    first = {name: value[0].double() if value.is_floating_point() else value[0] for name, value in data.items()}
    x, s, h, y, direction = first["noise"], first["s"], first["h"], first["y"], first["x0"]
    with torch.no_grad():
        tensors["output"] = network(x, s, h, y).float()
        derivative = slope(network, x, s, h, y, direction)
        # Sinusoids are computed in float32: a step much smaller than this one drowns in their rounding.
        width = 1e-3
        ends = [network(x + sign * width * direction, s + sign * width, h - sign * width, y) for sign in (1, -1)]
        check("derivative against differences", derivative, (ends[0] - ends[1]) / (2 * width), 1e-3)
    tensors["derivative"] = derivative.float()

    losses, rows = [], []
    for step in range(STEPS):
        values = [data[name][step] for name in ("x0", "noise", "s", "h", "y", "dropped")]
        values = [value.double() if value.is_floating_point() else value for value in values]
        loss, squares = loss_of(network, *values)
        optimizer.zero_grad()
        loss.backward()
        if step == 0:
            tensors |= {f"gradients.{name}": leaf.grad.float() for name, leaf in leaves.items() if leaf.requires_grad}
        optimizer.step()
        losses.append(loss.item())
        rows.append(squares.detach())
    tensors["losses"] = torch.tensor(losses, dtype=torch.float64)
    tensors["rows"] = torch.stack(rows).float()
    header = asdict(CONFIG) | {
        "order": list(weights), "span": True, "lr": 1e-3,
        "scale": SCALE, "mixing": MIXING, "power": POWER, "offset": OFFSET,
    }
    write_tensors("training-meanflow", tensors, header)


if __name__ == "__main__":
    prepare()
    make()
