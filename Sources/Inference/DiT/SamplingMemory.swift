internal import Layers
public import Models

extension DiTConfig {
  /// Estimates the memory of the packed model during sampling on a CPU, without the autoencoder and the
  /// program itself.
  ///
  /// It is the sum of the weights, one chunk of modulation vectors, the activations at the widest point
  /// of a block, and the features that a cache keeps.
  ///
  /// - Parameters:
  ///   - precision: the number format; not `auto`.
  ///   - networkBatchSize: batch size of the network: 2 for one image with guidance.
  ///   - stepCount: sampling steps, with one class and the null class.
  ///   - cache: what is kept between steps.
  /// - Returns: bytes.
  public func samplingMemory(
    _ precision: Precision, networkBatchSize: Int = 2, stepCount: Int = 250,
    cache: FeatureCache = .off
  ) -> Int {
    let model = shapes
    let blocks = model.blocks.map(\.branches.joined)
    let saved = blocks.reduce(0) { $0 + $1.savedBytes(precision) }
    let modulation = model.modulations.reduce(0) { $0 + $1.linear.outputCount } * 2 * 4
    let kept = cache == .off ? 0 : BlockForecast.tensorCount * tokenCount * hiddenSize * 4
    return parameterCount * 4 - saved
      + networkBatchSize * (kept + tokenCount * (blocks.first?.bytesPerToken(precision) ?? 0))
      + ModulationSchedule.bytes(modulation, stepCount: stepCount)
  }
}
