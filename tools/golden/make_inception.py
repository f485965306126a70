"""Makes inception.safetensors and inception.pth: features of torch-fidelity's Inception with drawn weights."""

import tempfile
from pathlib import Path

import torch

from files import FOLDER, check, prepare, write_tensors
from inception import draw, extractor, load_extractor, published_shapes

STAGES = [
    "Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "MaxPool_1", "Conv2d_3b_1x1", "Conv2d_4a_3x3",
    "MaxPool_2", "Mixed_5b", "Mixed_5c", "Mixed_5d", "Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d",
    "Mixed_6e", "Mixed_7a", "Mixed_7b", "Mixed_7c",
]
SIZES = [(64, 64), (299, 299), (301, 256)]


def images(height, width):
    """Two smooth images with some noise, `[2, H, W, 3]`, by a rule in integers."""
    y = torch.arange(height).reshape(1, -1, 1, 1)
    x = torch.arange(width).reshape(1, 1, -1, 1)
    c = torch.arange(3).reshape(1, 1, 1, -1)
    n = torch.arange(2).reshape(-1, 1, 1, 1)
    waves = (y * (3 + n) + x * (2 + c) + 40 * n * c) % 256
    waves = torch.minimum(waves, 255 - waves) * 2
    return ((waves * 3 + (y * 7919 + x * 104729 + c * 1299709 + n * 15485863) % 251) // 4).to(
        torch.uint8)


def part(x):
    """Some pixels and channels of a stage."""
    channels, height = x.shape[1], x.shape[2]
    step = max(height // 3, 1)
    return x[:, :: max(channels // 12, 1), step // 2 :: step, step // 3 :: step]


def run(network, pixels):
    found = {}

    def keep(name):
        def hook(module, arguments, result):
            found[name] = result.detach()
        return hook

    handles = [getattr(network, name).register_forward_hook(keep(name)) for name in STAGES]
    handles.append(network.Conv2d_1a_3x3.register_forward_pre_hook(
        lambda module, arguments: found.__setitem__("input", arguments[0].detach())))
    handles.append(network.Mixed_6d.branch1x1.register_forward_hook(keep("spatial")))
    with torch.no_grad():
        pooled, logits = network(pixels.permute(0, 3, 1, 2))
    for handle in handles:
        handle.remove()
    spatial = found.pop("spatial").movedim(1, -1)[..., :7].flatten(1)
    return {
        **{f"stages.{name}": part(found[name]) for name in STAGES},
        "input": found["input"][:, :, 3::23, 5::19], "pooled": pooled, "spatial": spatial,
        "logits": logits,
    }


def main():
    prepare()
    state = draw(published_shapes(load_extractor()))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.pth"
        torch.save(state, path)
        network, exact = extractor(path), extractor(path).double()
        exact.feature_extractor_internal_dtype = torch.float64
    tensors = {}
    for height, width in SIZES:
        pixels = images(height, width)
        values, references = run(network, pixels), run(exact, pixels)
        for name, value in values.items():
            check(f"{height} x {width}: {name} against float64", value, references[name], 1e-4)
            tensors[f"{height}x{width}.{name}"] = value
    # A file of torch.save with the published names; all tensors share one number.
    shared = torch.full([1], 0.02)
    torch.save({name: shared.expand(value.shape) for name, value in state.items()},
        FOLDER / "inception.pth")
    write_tensors("inception", tensors, {"shapes": {n: list(v.shape) for n, v in state.items()}})


if __name__ == "__main__":
    main()
