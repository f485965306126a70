"""Writes golden files; checks shared by all scripts."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

FOLDER = Path(__file__).resolve().parents[2] / "Tests" / "Golden"


def prepare():
    """Makes PyTorch deterministic."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


def write_tensors(name, tensors, config):
    """Writes one file; the header's only key, `config`, holds `config` as JSON."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.safetensors"
    plain = {key: value.detach().contiguous().clone() for key, value in tensors.items()}
    for key, value in plain.items():
        if value.is_floating_point() and not value.float().isfinite().all():
            raise ValueError(f"{name}: {key} has infinities or NaN")
    save_file(plain, path, metadata={"config": json.dumps(config, sort_keys=True)})
    print(f"{path.name}: {len(plain)} tensors, {path.stat().st_size / 1000:.0f} kB")


def write_json(name, value):
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.json"
    path.write_text(json.dumps(value, indent=0) + "\n")
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


def relative_error(value, reference):
    """The largest absolute difference over the largest absolute value of the reference."""
    reference = reference.double()
    return ((value.double() - reference).abs().max() / reference.abs().max()).item()


def check(what, value, reference, limit):
    """Fails if two computations of the same tensor disagree."""
    if value.shape != reference.shape:
        raise AssertionError(f"{what}: shapes {list(value.shape)} and {list(reference.shape)}")
    error = relative_error(value, reference)
    print(f"  {what}: relative error {error:.1e}")
    if not error <= limit:
        raise AssertionError(f"{what}: relative error {error:.1e} is above {limit:.0e}")


def random_weights(shapes, generator, deviation):
    """Normally distributed values for every shape; `deviation` maps a name to (mean, standard deviation)."""
    weights = {}
    for name, shape in shapes.items():
        mean, spread = deviation(name)
        weights[name] = torch.randn(shape, generator=generator) * spread + mean
    return weights
