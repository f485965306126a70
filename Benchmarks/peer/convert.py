"""Converts a .pt file to safetensors with PyTorch and safetensors: convert.py SOURCE TARGET

Prints the seconds for loading and saving, without the imports.
"""

import os
import sys
import time

import torch
from safetensors.torch import save_file

source, target = sys.argv[1:]
start = time.perf_counter()
state = torch.load(source, map_location="cpu", weights_only=True, mmap="PEER_MMAP" in os.environ)
save_file(state, target)
with open(target, "rb") as file:
    os.fsync(file.fileno())
print(f"{time.perf_counter() - start:.2f}")
