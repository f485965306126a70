public import Torch

/// The initial value of a parameter that is not loaded.
public enum Initializer {
  /// All elements 0.
  case zeros
  /// All elements 1.
  case ones
  /// Normal with mean 0.
  case normal(standardDeviation: Double)
  /// Uniform in ±√(6 / (fanIn + fanOut)) (Glorot & Bengio 2010, equation 16); a weight of more
  /// dimensions counts as a matrix `[shape[0], product of the rest]`.
  case xavierUniform
  /// Uniform in ±1/√fanIn, PyTorch's default for weights and biases; a bias has the fan-in of its
  /// weight.
  case uniform(fanIn: Int)
  /// Computed by the caller, e.g. a table of positions.
  case values(() -> Tensor)

  /// Makes a float32 tensor of a shape, with a CPU generator.
  public func callAsFunction(_ shape: [Int], generator: Generator) -> Tensor {
    switch self {
    case .zeros:
      return .zeros(shape)
    case .ones:
      return .ones(shape)
    case .normal(let standardDeviation):
      let tensor = Tensor.empty(shape)
      tensor.normalInPlace(standardDeviation: standardDeviation, generator: generator)
      return tensor
    case .xavierUniform:
      let fanOut = shape[0]
      let fanIn = shape.dropFirst().reduce(1, *)
      return uniform(shape, bound: (6 / Double(fanIn + fanOut)).squareRoot(), generator)
    case .uniform(let fanIn):
      return uniform(shape, bound: 1 / Double(fanIn).squareRoot(), generator)
    case .values(let make):
      return make()
    }
  }

  private func uniform(_ shape: [Int], bound: Double, _ generator: Generator) -> Tensor {
    let tensor = Tensor.empty(shape)
    tensor.uniformInPlace(from: -bound, to: bound, generator: generator)
    return tensor
  }
}
