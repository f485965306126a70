public import Models
public import Torch

/// An estimate of the memory that training takes. Data, autoencoder and the program itself come on top.
public struct TrainingMemory: Sendable {
  /// Bytes for weights, gradients, two moments and the moving average in float32, and for the weights
  /// in the other type under mixed precision.
  public let stateByteCount: Int
  private let depth: Int
  /// Bytes that a block keeps per image: its input alone, and everything.
  private let blockByteCount: (input: Int, all: Int)

  /// Memory of one process that trains all parameters, with a moving average.
  ///
  /// - Parameters:
  ///   - config: the shape of the model.
  ///   - dtype: number format of matrix products.
  public init(_ config: DiTConfig, dtype: DType) {
    var training = TrainingConfig()
    training.dtype = dtype
    self.init(config, training, trainedCount: config.parameterCount, rankCount: 1)
  }

  /// Memory of each rank of a run.
  ///
  /// - Parameters:
  ///   - config: the shape of the model.
  ///   - training: number format, moving average and division of the optimizer's state count.
  ///   - trainedCount: number of elements that are not frozen.
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
    let kept = config.shapes.blocks.first?.branches.keptActivationCount ?? 0
    let (tokens, width) = (config.tokenCount, config.hiddenSize)
    blockByteCount = (tokens * width * 4, tokens * (2 * width * 4 + kept * dtype.byteCount))
    depth = config.depth
  }

  /// Bytes that the backward pass needs per image of a micro-batch.
  public func byteCountPerImage(_ recompute: Recompute) -> Int {
    let again = (0..<depth).count(where: recompute.covers)
    // One of the recomputed blocks is whole at a time.
    return (depth - again + min(again, 1)) * blockByteCount.all + again * blockByteCount.input
  }
}
