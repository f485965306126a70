internal import Layers
public import Models
internal import Torch

extension MeanFlowConfig {
  /// Estimates the memory of the packed network during sampling on a CPU, without the autoencoder and the
  /// program itself: the weights, and the activations at the widest point of a block.
  ///
  /// - Parameters:
  ///   - precision: the number format; not `auto`.
  ///   - batchSize: images at a time. Guidance adds none.
  /// - Returns: bytes.
  public func samplingMemory(_ precision: Precision, batchSize: Int = 1) -> Int {
    let network = shapes
    let branches = (network.sharedBlocks + network.averageHead.blocks).map(\.branches.joined)
    var sampled = self
    sampled.hasVelocityHead = false
    return sampled.parameterCount * 4 - branches.reduce(0) { $0 + $1.savedBytes(precision) }
      + batchSize * tokenCount * (branches.first?.bytesPerToken(precision) ?? 0)
  }
}
