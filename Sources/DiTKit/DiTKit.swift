@_exported public import Checkpoint
@_exported public import Diffusion
@_exported public import ImageData
@_exported public import Inference
@_exported public import Models
@_exported public import Pipeline
@_exported public import Torch
