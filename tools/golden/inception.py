"""Random weights of the Inception of 2015-12-05, the same as Tests/TestSupport/DrawnInception.swift draws."""

import importlib.util
import sys
import types

import torch


def load_extractor():
    """torch-fidelity's class, without its other networks, which need torchvision."""
    spec = importlib.util.find_spec("torch_fidelity")
    if spec is None:
        raise ModuleNotFoundError("torch_fidelity", name="torch-fidelity")
    package = types.ModuleType("torch_fidelity")
    package.__path__, package.__spec__ = list(spec.submodule_search_locations), spec
    sys.modules.setdefault("torch_fidelity", package)
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    return FeatureExtractorInceptionV3


def draw(shapes):
    """The state dict for shapes by name."""
    state = {}
    for index, (name, shape) in enumerate(sorted(shapes.items())):
        generator = torch.Generator().manual_seed(index)
        numbers = torch.rand(list(shape), generator=generator)
        kind = ".".join(name.split(".")[-2:])
        if kind == "bn.weight":
            numbers = numbers * 0.5 + 0.75
        elif kind == "bn.bias":
            numbers = numbers * 0.5 - 0.1
        elif kind == "bn.running_mean":
            numbers = numbers * 0.2 - 0.1
        elif kind == "bn.running_var":
            numbers = numbers * 0.5 + 0.5
        elif kind == "fc.bias":
            numbers = numbers - 0.5
        else:
            axes = list(range(1, len(shape)))
            fan_in = numbers[0].numel()
            numbers = (numbers - numbers.mean(axes, keepdim=True)) * (18 / fan_in) ** 0.5
        state[name] = numbers
    return state


def published_shapes(extractor_class):
    """Names and shapes of the published file: all but the counters of batches."""
    shapes = {}

    class Stop(Exception):
        pass

    def record(module, state, *args, **kwargs):
        own = torch.nn.Module.state_dict(module)
        shapes.update(
            {name: list(value.shape) for name, value in own.items()
             if not name.endswith("num_batches_tracked")})
        raise Stop

    # The constructor needs a file; it is stopped where it would load it.
    original, load = extractor_class.load_state_dict, torch.load
    extractor_class.load_state_dict, torch.load = record, lambda *args, **kwargs: {}
    try:
        extractor_class("names", ["2048"], feature_extractor_weights_path="none")
    except Stop:
        pass
    finally:
        extractor_class.load_state_dict, torch.load = original, load
    return shapes


def extractor(path, features=("2048", "logits_unbiased")):
    """torch-fidelity's network with the weights of a file."""
    return load_extractor()(
        "inception-v3-compat", list(features), feature_extractor_weights_path=str(path))
