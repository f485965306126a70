internal import Layers
public import Models
internal import Torch

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
    let blocks = model.blocks.map(\.joined)
    let saved = blocks.flatMap(\.linearLayers).reduce(0) {
      $0 + $1.layer.parameterCount * (4 - precision.format(of: $1.name).dtype.byteCount)
    }
    let modulation = model.modulations.reduce(0) { $0 + $1.linear.outputCount } * 2 * 4
    let kept = cache == .off ? 0 : BlockForecast.tensorCount * tokenCount * hiddenSize * 4
    return parameterCount * 4 - saved
      + networkBatchSize * (kept + tokenCount * (blocks.first?.bytesPerToken(precision) ?? 0))
      + ModulationSchedule.bytes(modulation, stepCount: stepCount)
  }
}

extension DiTBlock where Layer == Linear {
  /// Bytes per token at the widest point: the token in float32, input and output of a branch's first
  /// layer, and the input of the second.
  fileprivate func bytesPerToken(_ precision: Precision) -> Int {
    let format = precision.linearFormat.dtype.byteCount
    // Sums of 8-bit products are 32 bits wide.
    let result = precision.linearFormat == .int8 ? 4 : format
    let branch = attention.qkv.outputCount + attention.projection.inputCount
    let hidden = linearLayers.last?.layer.inputCount ?? 0
    return attention.qkv.inputCount * (4 + result)
      + max(branch, mlp.first.outputCount) * result + hidden * format
  }
}
