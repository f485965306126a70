internal import Torch
