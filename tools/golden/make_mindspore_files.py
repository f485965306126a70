"""Makes the MindSpore checkpoints for the tests, and mindspore.json with their contents.

Usage: pip install mindspore==2.10.0; python tools/golden/make_mindspore_files.py
Writes Tests/Golden/checkpoints/*.ckpt and mindspore.json: for each file the tensors in order
(name, type, shape, strides, elements in row-major order), the metadata and the notes.
"""

import json
import pathlib

import mindspore as ms
import numpy as np
from mindspore.train import serialization

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "Tests" / "Golden" / "checkpoints"
TYPES = [
    ms.uint8, ms.int8, ms.int16, ms.int32, ms.int64, ms.float16, ms.float32, ms.float64, ms.bool_,
    ms.bfloat16,
]


def numbers(*shape):
    return np.arange(int(np.prod(shape)), dtype=np.float32).reshape(shape) / 4


def types():
    values = np.array([0.0, 1.0, 2.0, 3.5, 96.0, 1.0])
    state = {str(dtype).lower(): ms.Tensor(values, ms.float64).astype(dtype) for dtype in TYPES}
    return state | {"scalar": ms.Tensor(2.5, ms.float32), "one": ms.Tensor([7], ms.int32)}


def wrapped():
    return {
        "network.blocks.0.weight": ms.Tensor(numbers(2, 3)),
        "network.norm.gamma": ms.Tensor(numbers(2)),
        "network.y_embedder.embedding_table.embedding_table": ms.Tensor(numbers(3, 2)),
    }


def described(name, tensor):
    array = tensor.astype(ms.float64).asnumpy()
    strides = [step // array.itemsize for step in array.strides]
    dtype = str(tensor.dtype).lower()
    return {
        "name": name, "dtype": dtype, "shape": list(array.shape), "strides": strides,
        "elements": array.flatten().tolist(),
    }


def write(name, state, tensors=None, metadata=None, notes=(), slice_size=None, **options):
    """`slice_size` is the size in kilobytes above which a tensor is split; MindSpore's default is 512 MB."""
    usual = serialization.SLICE_SIZE
    serialization.SLICE_SIZE = slice_size or usual
    data = [{"name": key, "data": value} for key, value in state.items()]
    path = FOLDER / f"{name}.ckpt"
    ms.save_checkpoint(data, str(path), **options)
    path.chmod(0o644)
    serialization.SLICE_SIZE = usual
    tensors = tensors or list(state)
    return {
        "tensors": [described(new, value) for new, value in zip(tensors, state.values())],
        "metadata": metadata or {}, "notes": list(notes),
    }


def main():
    note = "took 'network.' off the front of every name"
    wrapped_names = [name.removeprefix("network.") for name in wrapped()]
    texts = {"class_names": '["clock","café 🦈"]', "num_heads": "3"}
    counters = {"epoch_num": 3, "step_num": 12}
    files = {
        "ms-types": write("ms-types", types()),
        "ms-wrapped": write("ms-wrapped", wrapped(), tensors=wrapped_names, notes=[note]),
        "ms-checked": write("ms-checked", wrapped(), tensors=wrapped_names, notes=[note],
                            crc_check=True),
        "ms-sliced": write("ms-sliced", {
            "before": ms.Tensor(numbers(2)), "long": ms.Tensor(numbers(5, 12, 9)),
            "after": ms.Tensor(numbers(1))}, slice_size=1),
        "ms-texts": write("ms-texts", {"weight": ms.Tensor(numbers(2))},
                          metadata=texts | {key: str(value) for key, value in counters.items()},
                          notes=[f"left out '{key}', a number of the training" for key in counters],
                          append_dict=texts | counters),
    }
    (FOLDER / "mindspore.json").write_text(json.dumps(files, indent=0, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
