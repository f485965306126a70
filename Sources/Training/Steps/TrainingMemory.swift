public import Models
public import Torch

/// An estimate of the memory that training takes, without data, autoencoder and the program itself.
public struct TrainingMemory: Sendable {
  /// Weights, gradients, two moments and the moving average, in float32, and under mixed precision
  /// the weights in the other type.
  public let stateByteCount: Int
  private let depth: Int
  /// What a block keeps of an image: its input, and everything.
  private let blockByteCount: (input: Int, all: Int)

  /// All parameters are trained by one process, with a moving average.
  ///
  /// - Parameters:
  ///   - config: the shape of the model.
  ///   - dtype: what matrix products compute in.
  public init(_ config: DiTConfig, dtype: DType) {
    var training = TrainingConfig()
    training.dtype = dtype
    self.init(config, training, trainedCount: config.parameterCount, rankCount: 1)
  }

  /// As a run trains, on each of its ranks.
  ///
  /// - Parameters:
  ///   - config: the shape of the model.
  ///   - training: the number format, and whether there is an average and the optimizer's state is
  ///     divided.
  ///   - trainedCount: the parameters that are not frozen.
  ///   - rankCount: the processes that share a step.
  public init(
    _ config: DiTConfig, _ training: TrainingConfig, trainedCount: Int, rankCount: Int
  ) {
    let dtype = training.dtype
    let weights = config.parameterCount * (4 + (dtype == .float32 ? 0 : dtype.byteCount))
    let optimizer = trainedCount * (training.emaDecay == nil ? 8 : 12)
    stateByteCount =
      weights + trainedCount * 4 + optimizer / (training.shardsOptimizer ? rankCount : 1)
    // A block keeps its input and the sum in its middle in float32, and what its linear layers take
    // and give in the type of the products.
    let kept = config.shapes.blocks.first?.keptActivationCount ?? 0
    let (tokens, width) = (config.tokenCount, config.hiddenSize)
    blockByteCount = (tokens * width * 4, tokens * (2 * width * 4 + kept * dtype.byteCount))
    depth = config.depth
  }

  /// What the backward pass needs of each image of a micro-batch.
  public func byteCountPerImage(_ recompute: Recompute) -> Int {
    let again = (0..<depth).count(where: recompute.covers)
    // Of those, one at a time is whole.
    return (depth - again + min(again, 1)) * blockByteCount.all + again * blockByteCount.input
  }
}
