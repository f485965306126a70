"""lightning/: a whole run of LightningDiT's sampler over the network of blocks/lightning, decoded by a small VA-VAE;
latents_stats.pt; AdamW steps of its training. Run make_blocks.py first."""

from dataclasses import asdict

import torch
from safetensors import safe_open
from torch.optim import AdamW

import lightning
from blocks import BlockConfig, BlockNetwork, block_shapes
from files import FOLDER, check, prepare, random_weights, write_tensors
from make_blocks import CONFIGS, make_weights

CHANNELS, MULTIPLES, LAYERS = 2, (1, 1, 2, 2, 4), 1
COUNT = 9
NETWORK = CONFIGS["lightning"]
TRAINED = BlockConfig(4, 4, 1, 16, 1, 2, 5, False, norm="rmsnorm", mlp="swiglu", positions="rope-2d")
STEPS, ROWS = 6, 4


def autoencoder():
    """The VA-VAE and what it makes of an image, in float64; weights that 8 bits hold."""
    generator = torch.Generator().manual_seed(31)

    def deviation(name):
        if "norm" in name:
            return (1.0, 0.2) if name.endswith("weight") else (0.0, 0.1)
        return 0.0, 0.25 if name.endswith("weight") else 0.1

    shapes = lightning.autoencoder_shapes(CHANNELS, MULTIPLES, LAYERS, NETWORK.channels)
    weights = random_weights(shapes, generator, deviation)
    weights = {name: value.to(torch.float8_e4m3fn) for name, value in weights.items()}
    model = lightning.Autoencoder({n: v.double() for n, v in weights.items()}, len(MULTIPLES), LAYERS)
    image = torch.rand(1, 3, 32, 32, generator=generator) * 2 - 1
    mean, log_variance = model.encode(image.double())
    narrow = lightning.Autoencoder({n: v.float() for n, v in weights.items()}, len(MULTIPLES), LAYERS)
    check("mean against float64", narrow.encode(image)[0], mean, 1e-5)
    tensors = {f"weights.{name}": value for name, value in weights.items()}
    tensors |= {"image": image, "mean": mean.float(), "logvar": log_variance.float()}
    return model, tensors


def statistics():
    """As LightningDiT's code computes and saves them."""
    generator = torch.Generator().manual_seed(32)
    shape = (1, NETWORK.channels, 1, 1)
    latents = torch.randn((50, NETWORK.channels, 4, 4), generator=generator)
    latents = latents * (torch.rand(shape, generator=generator) + 0.5) + torch.randn(shape, generator=generator)
    return {
        "mean": latents.mean(dim=[0, 2, 3], keepdim=True),
        "std": latents.std(dim=[0, 2, 3], keepdim=True),
    }


def run(model, stats):
    """All latents of a run with the published settings, and pixels of the last."""
    with safe_open(FOLDER / "blocks" / "lightning.safetensors", "pt") as file:
        weights = {name: file.get_tensor(f"weights.{name}") for name in block_shapes(NETWORK)}

    def sampled(dtype):
        network = BlockNetwork(NETWORK, {name: value.to(dtype) for name, value in weights.items()})
        # As PyTorch draws it with seed 5.
        start = torch.randn(2, NETWORK.channels, 4, 4, generator=torch.Generator().manual_seed(5))
        return start, lightning.sample(network, start.to(dtype), torch.tensor([1, 3]), NETWORK.classes, COUNT)

    start, states = sampled(torch.float64)
    check("latents in float32 against float64", sampled(torch.float32)[1][-1], states[-1], 1e-5)
    images = model.decode(states[-1] * stats["std"].double() + stats["mean"].double())
    pixels = (127.5 * images + 128).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)
    return {
        "start": start, "labels": torch.tensor([1, 3]), "states": states.float(),
        "decoded": images[:1, :, :16, :16].float(), "pixels": pixels[:1].contiguous(),
    }


def loss_tensors():
    """Rows of both losses of a given output, and the gradient of their sum."""
    generator = torch.Generator().manual_seed(33)
    output, velocity = (torch.randn(2, 4, 3, 3, generator=generator) for _ in range(2))
    leaf = output.double().requires_grad_(True)
    error, direction = lightning.losses(leaf, velocity.double())
    cosine = torch.nn.functional.cosine_similarity(leaf, velocity.double(), dim=1)
    check("direction against PyTorch", direction, (1 - cosine).mean(dim=(1, 2)), 1e-12)
    (error.mean() + direction.mean()).backward()
    tensors = {"output": output, "velocity": velocity, "error": error, "direction": direction, "gradient": leaf.grad}
    return {f"loss.{name}": value.detach().float() for name, value in tensors.items()}


def training():
    """Steps of AdamW with betas 0.9 and 0.95 on both losses, in float64, and all gradients of the first."""
    generator = torch.Generator().manual_seed(34)
    given = make_weights(TRAINED, generator)
    weights = {name: value.double() for name, value in given.items()}
    leaves = {name: value for name, value in weights.items() if name != "pos_embed"}
    for leaf in leaves.values():
        leaf.requires_grad_(True)
    shape = (STEPS, ROWS, TRAINED.channels, TRAINED.input_size, TRAINED.input_size)
    data = {
        "x0": torch.randn(shape, generator=generator) * 0.8,
        "noise": torch.randn(shape, generator=generator),
        "t": torch.sigmoid(torch.randn(shape[:2], generator=generator)),
        "y": torch.randint(0, TRAINED.classes + 1, shape[:2], generator=generator),
    }
    optimizer = AdamW(leaves.values(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.0)
    network, results, gradients = BlockNetwork(TRAINED, weights), {"losses": [], "errors": []}, {}
    for x0, noise, t, y in zip(*(data[name] for name in ("x0", "noise", "t", "y"))):
        x0, noise, t = x0.double(), noise.double(), t.double()
        share = t.reshape(-1, 1, 1, 1)
        error, direction = lightning.losses(network(share * x0 + (1 - share) * noise, t, y), x0 - noise)
        loss = error.mean() + direction.mean()
        optimizer.zero_grad()
        loss.backward()
        gradients = gradients or {name: leaf.grad.clone() for name, leaf in leaves.items()}
        optimizer.step()
        results["losses"].append(loss.item())
        results["errors"].append(error.mean().item())
    tensors = {f"steps.{name}": value for name, value in data.items()}
    tensors |= {name: torch.tensor(values, dtype=torch.float64) for name, values in results.items()}
    tensors |= {f"weights.{n}": v if n == "pos_embed" else v.half() for n, v in given.items()}
    tensors |= {f"gradients.{name}": value.float() for name, value in gradients.items()}
    return tensors | loss_tensors()


if __name__ == "__main__":
    prepare()
    (FOLDER / "lightning").mkdir(exist_ok=True)
    model, tensors = autoencoder()
    write_tensors("lightning/vavae", tensors, {"groups": lightning.GROUPS})
    stats = statistics()
    torch.save(stats, FOLDER / "lightning" / "latents_stats.pt")
    write_tensors("lightning/sampler", run(model, stats), {"times": COUNT})
    order = list(block_shapes(TRAINED))
    write_tensors("lightning/training", training(), asdict(TRAINED) | {"order": order})
