"""Makes blocks/NAME.safetensors: networks with other blocks, outputs, a loss and all its gradients."""

from dataclasses import asdict

import torch

from blocks import BlockConfig, BlockNetwork, block_shapes
from files import FOLDER, check, prepare, random_weights, relative_error, write_tensors
from reference import position_embedding

SMALL = (6, 3, 2, 16, 1, 2, 5, False)
PARTS = {
    "rmsnorm": {"norm": "rmsnorm"},
    "swiglu": {"mlp": "swiglu"},
    "swiglu-apart": {"mlp": "swiglu-apart"},
    "rope-2d": {"positions": "rope-2d"},
    "rope-1d": {"positions": "rope-1d"},
    "qk-rmsnorm": {"qk_norm": "rmsnorm"},
    # Without rotations the bias of keys would change nothing.
    "qk-layernorm": {"qk_norm": "layernorm", "positions": "rope-2d"},
    "all": {"norm": "rmsnorm", "mlp": "swiglu", "positions": "rope-2d", "qk_norm": "rmsnorm"},
}
CONFIGS = {name: BlockConfig(*SMALL, **parts) for name, parts in PARTS.items()}
# As published, but for the sizes.
CONFIGS["lightning"] = BlockConfig(
    4, 8, 1, 24, 2, 2, 5, False, norm="rmsnorm", mlp="swiglu", positions="rope-2d"
)
# To save space: its gradient has nothing to do with blocks.
LEFT_OUT = "t_embedder.mlp.0.weight"


def make_weights(config, generator):
    spread = 0.2 if config.depth == 1 else 0.15

    def deviation(name):
        if "norm" in name and name.endswith("weight"):
            return 1.0, spread * 1.5
        return 0.0, spread * 1.5 if "attn.qkv" in name else spread

    weights = random_weights(block_shapes(config), generator, deviation)
    # To save space; all values are computed with the rounded ones.
    weights = {name: value.half().float() for name, value in weights.items()}
    weights["pos_embed"] = position_embedding(config.hidden_size, config.grid)
    return weights


def make(name, seed):
    print(f"blocks/{name}")
    config = CONFIGS[name]
    generator = torch.Generator().manual_seed(seed)
    weights = make_weights(config, generator)
    shape = [3, config.channels, config.input_size, config.input_size]
    x, target = (torch.randn(shape, generator=generator) for _ in range(2))
    t, y = torch.tensor([0.0, 0.37, 1.0]), torch.tensor([1, config.classes, 3])

    def run(dtype):
        leaves = {
            name: value.clone().to(dtype).requires_grad_(name != "pos_embed")
            for name, value in weights.items()
        }
        output = BlockNetwork(config, leaves)(x.to(dtype), t, y)
        loss = (output - target.to(dtype)).square().mean()
        loss.backward()
        gradients = {name: leaf.grad for name, leaf in leaves.items() if leaf.requires_grad}
        return output.detach(), loss.detach(), gradients

    output, loss, gradients = run(torch.float32)
    wide_output, wide_loss, wide_gradients = run(torch.float64)
    check("output against float64", output, wide_output, 3e-6)
    check("loss against float64", loss, wide_loss, 3e-6)
    worst = max(gradients, key=lambda name: relative_error(gradients[name], wide_gradients[name]))
    check(f"gradients against float64 ({worst})", gradients[worst], wide_gradients[worst], 1e-5)
    tensors = {"x": x, "t": t, "y": y, "target": target}
    tensors |= {"output": wide_output.float(), "loss": wide_loss.float()}
    for key, value in weights.items():
        tensors[f"weights.{key}"] = value if key == "pos_embed" else value.half()
    for key, value in wide_gradients.items():
        if key != LEFT_OUT or name == "lightning":
            tensors[f"gradients.{key}"] = value.float()
    header = asdict(config) | {"order": list(weights)}
    (FOLDER / "blocks").mkdir(parents=True, exist_ok=True)
    write_tensors(f"blocks/{name}", tensors, header)


if __name__ == "__main__":
    prepare()
    for seed, name in enumerate(CONFIGS):
        make(name, 100 + seed)
