"""Makes the PyTorch checkpoints for the tests, and pytorch.json with their contents.

Usage: pip install torch==2.13.0 numpy==2.4.6; python tools/golden/make_pytorch_files.py
Writes Tests/Golden/checkpoints/*.pt and pytorch.json: for each file the tensors in order
(name, type, shape, strides, elements in row-major order), the metadata and the notes.
"""

import argparse
import collections
import json
import pathlib
import pickle

import numpy as np
import torch

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "Tests" / "Golden" / "checkpoints"
TYPES = [
    torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.float16, torch.float32,
    torch.float64, torch.bool, torch.bfloat16, torch.float8_e5m2, torch.float8_e4m3fn,
]


def numbers(*shape, start=0):
    count = int(torch.tensor(shape).prod())
    return (torch.arange(count, dtype=torch.float32) + start).reshape(shape) / 4


def types():
    values = torch.tensor([0.0, 1.0, 2.0, 3.5, 96.0, 1.0])
    return {str(dtype).removeprefix("torch."): values.to(dtype) for dtype in TYPES}


def layouts():
    base = numbers(4, 6)
    return collections.OrderedDict(
        base=base, turned=base.t(), column=base[:, 2], block=base[1:3, 2:5], every=base[::2, ::3],
        row=base[3], expanded=numbers(3, 1, start=9).expand(3, 4), scalar=torch.tensor(2.5),
        empty=torch.zeros(0, 3), hollow=base[1:1], single=numbers(2, 3)[:1, 1:2],
    )


def training():
    """A checkpoint like the DiT paper's training script saves: weights, EMA, optimizer, arguments."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.LayerNorm(2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    model(torch.ones(1, 3)).square().sum().backward()
    optimizer.step()
    averaged = {name: value + 1 for name, value in model.state_dict().items()}
    arguments = argparse.Namespace(
        model="DiT-XL/2", image_size=256, learning_rate=1e-4, resume=None, flags=(1, [2, "x"]),
        compiled=True)
    return {
        "model": model.state_dict(), "ema": averaged, "opt": optimizer.state_dict(),
        "args": arguments,
    }


def nested():
    state = {"weight": numbers(2, 2), "bias": torch.nn.Parameter(numbers(2))}
    wrapped = {f"module._orig_mod.{name}": value for name, value in state.items()}
    return {
        "epoch": 3, "loss": 0.25, "name": "na\u00efve", "done": False, "size": torch.Size([1, 2]),
        "class_names": ["tench", 'a "quoted" one', "gr\u00fcn"], "device": torch.device("cpu"),
        "huge": 1 << 80, "negative": -(1 << 40), "bytes": b"\x00\xff", "set": {1, 2},
        "history": collections.defaultdict(list, {"loss": [1.0, 2.0]}), "none": None,
        "complex": torch.zeros(2, dtype=torch.complex64), "dtype": torch.float32,
        "model": {"state_dict": wrapped, "step": 7},
    }


def parameters():
    return torch.nn.Linear(2, 3).requires_grad_(False).eval().state_dict(keep_vars=True) | {
        "trained": torch.nn.Parameter(numbers(3))}


def legacy():
    base = numbers(3, 2)
    return {"base": base, "turned": base.t(), "half": numbers(3).half(), "epoch": 5}


def arrays():
    base = np.arange(12, dtype=np.float32).reshape(3, 4) / 4
    values = np.array([0, 1, 2, 3, 96, 1])
    types = ["float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool"]
    return {name: values.astype(name) for name in types} | {
        # Protocol 2 spells bytes as text.
        "bytes": np.array([0, 10, 34, 92, 127, 128, 191, 192, 194, 195, 255], np.uint8),
        "negative": -base[0].astype(np.float64) / 3,
        "columns": np.asfortranarray(base), "turned": base.T, "every": base[::2, ::3],
        "cube": np.asfortranarray(np.arange(12, dtype=np.int16).reshape(2, 3, 2)),
        "scalar": np.array(2.5, np.float32), "empty": np.zeros((0, 3), np.float32),
    }


def forms():
    """Tensors that are listed, and not computed in."""
    values = numbers(2, 3) * (numbers(2, 3) > 0.5)
    return {
        "plain": numbers(2), "coo": values.to_sparse(), "csr": values.to_sparse_csr(),
        "csc": values.to_sparse_csc(), "bsr": numbers(4, 4).to_sparse_bsr((2, 2)),
        "tensor_scale": torch.quantize_per_tensor(values, 0.1, 0, torch.qint8),
        "channel_scale": torch.quantize_per_channel(
            values, torch.tensor([0.1, 0.2]), torch.tensor([0, 1]), 0, torch.quint8),
        "four_bits": torch.quantize_per_channel(
            values, torch.tensor([0.1, 0.2]), torch.tensor([0.0, 1.0]), 0, torch.quint4x2),
        "meta": torch.empty(2, 3, device="meta"),
        "meta_parameter": torch.nn.Parameter(torch.empty(2, device="meta")),
        "nested": torch.nested.nested_tensor([numbers(2), numbers(3)]),
        "complex32": torch.zeros(3, dtype=torch.complex32),
        "uint16": torch.zeros(3, dtype=torch.uint16), "uint64": torch.zeros(3, dtype=torch.uint64),
        "big": np.arange(3, dtype=">f4"), "wide": np.arange(3, dtype=np.uint32),
        "texts": np.array(["a"]), "objects": np.array([None]),
        "records": np.zeros(2, dtype=[("a", "f4")]), "date": np.zeros(1, "datetime64[s]"),
    }


def expected(state, metadata=None, notes=None):
    def tensor(name, value):
        value = value.detach()
        return {
            "name": name, "dtype": str(value.dtype).removeprefix("torch."),
            "shape": list(value.shape), "strides": list(value.stride()),
            "elements": value.to(torch.float64).flatten().tolist(),
        }

    def array(name, value):
        value = pickle.loads(pickle.dumps(value))
        return {
            "name": name, "dtype": str(value.dtype), "shape": list(value.shape),
            "strides": [stride // value.itemsize for stride in value.strides],
            "elements": value.astype(np.float64).flatten().tolist(),
        }

    tensors = [
        (tensor if isinstance(value, torch.Tensor) else array)(name, value)
        for name, value in state.items() if isinstance(value, (torch.Tensor, np.ndarray))]
    return {"tensors": tensors, "metadata": metadata or {}, "notes": notes or []}


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    facts = {}

    def save(name, content, *facts_of_it, **options):
        torch.save(content, FOLDER / f"{name}.pt", **options)
        facts[name] = expected(*facts_of_it)

    for protocol in (2, 4, 5):
        content = types()
        save(f"types{protocol}", content, content, pickle_protocol=protocol)
    content = layouts()
    save("layouts", content, content)
    content = training()
    save(
        "training", content, content["ema"],
        {
            "args.model": "DiT-XL/2", "args.image_size": "256", "args.learning_rate": "0.0001",
            "args.compiled": "true",
        },
        ["took 'ema' (EMA weights); left out 'model', 'opt', 'args'"])
    metadata = {
        "epoch": "3", "loss": "0.25", "name": "na\u00efve", "done": "false",
        "class_names": '["tench","a \\"quoted\\" one","gr\u00fcn"]', "negative": str(-(1 << 40)),
    }
    notes = [
        "took 'model.state_dict'; left out 'size', 'device', 'huge', 'bytes', 'set', 'history',"
        " 'none', 'complex' and 1 more",
        "took 'module.' off the front of every name",
        "took '_orig_mod.' off the front of every name",
    ]
    for protocol in (2, 4):
        content = nested()
        state = {
            name.removeprefix("module._orig_mod."): value
            for name, value in content["model"]["state_dict"].items()}
        save(f"nested{protocol}", content, state, metadata, notes, pickle_protocol=protocol)
    content = parameters()
    save("parameters", content, content)
    content = legacy()
    old = ["the file is of the format before PyTorch 1.6, without checksums"]
    for name, protocol in ("legacy", 2), ("legacy3", 3), ("legacy4", 4), ("legacy5", 5):
        save(
            name, content, content, {"epoch": "5"}, old, pickle_protocol=protocol,
            _use_new_zipfile_serialization=False)
    content = arrays()
    for protocol in (2, 3, 5):
        save(f"numpy{protocol}", content, content, pickle_protocol=protocol)
    save("numpy-legacy", content, content, {}, old, _use_new_zipfile_serialization=False)
    for protocol in (2, 4, 5):
        name = f"numpy-bare{protocol}"
        (FOLDER / f"{name}.pt").write_bytes(pickle.dumps(content, protocol))
        facts[name] = expected(content)
    torch.save(forms(), FOLDER / "forms.pt")
    torch.serialization.set_crc32_options(False)
    content = layouts()
    save("unchecked", content, content, {}, ["the file was saved without checksums"])
    torch.serialization.set_crc32_options(True)
    save("module", torch.nn.Linear(1, 1), {})
    text = json.dumps(facts, indent=1, sort_keys=True, ensure_ascii=False)
    (FOLDER / "pytorch.json").write_text(text + "\n", encoding="utf-8")


main()
