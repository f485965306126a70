public import Models
public import Torch

/// An estimate of the memory that training takes, without data, autoencoder and the program itself.
public struct TrainingMemory: Sendable, Equatable {
  /// Weights, gradients, two moments and the moving average, in float32, and under mixed precision
  /// the weights in the other type.
  public let stateByteCount: Int
  /// What the backward pass needs of each image of a step; without recomputation.
  public let byteCountPerImage: Int
  /// The same where every block is computed again in the backward pass.
  public let recomputedByteCountPerImage: Int

  /// - Parameters:
  ///   - config: the shape of the model.
  ///   - dtype: what matrix products compute in.
  public init(_ config: DiTConfig, dtype: DType) {
    let isMixed = dtype != .float32
    stateByteCount = config.parameterCount * (20 + (isMixed ? dtype.byteCount : 0))
    // A block keeps, as multiples of tokens: its input and the sum in its middle in float32; the
    // inputs of its four linear layers (1, 1, 1, r), queries, keys and values (3), the input of GELU
    // (r) and the two results that gates multiply, in the type of the products.
    let tokens = config.tokenCount * config.hiddenSize
    let kept = 8 + 2 * config.mlpRatio
    let block = tokens * (2 * 4 + kept * dtype.byteCount)
    byteCountPerImage = config.depth * block
    recomputedByteCountPerImage = config.depth * tokens * 4 + block
  }
}
