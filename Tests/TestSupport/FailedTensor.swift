public import Torch

/// What an operation that failed gives within `withTorchErrors`.
public func failed() -> Tensor { Tensor.zeros([2, 3]) + Tensor.zeros([4]) }
