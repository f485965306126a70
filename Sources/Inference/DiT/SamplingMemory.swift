public import Models
internal import Torch

extension DiTConfig {
  /// An estimate of the memory that the compiled model takes while it samples on a processor, without
  /// the autoencoder and the program itself.
  ///
  /// Weights of the blocks' linear layers take the precision's bytes, all others four; then come the
  /// modulation of the steps ahead and what one block has at its widest place.
  ///
  /// - Parameters:
  ///   - precision: the number format, settled: not `auto`.
  ///   - networkBatchSize: the batch of the network: 2 for one image with guidance.
  ///   - stepCount: steps of a run, of one class and the null class.
  /// - Returns: bytes.
  public func samplingMemory(
    _ precision: Precision, networkBatchSize: Int = 2, stepCount: Int = 250
  ) -> Int {
    let format = precision.linearFormat
    let linear = blockLinearParameterCount
    let secondLayers = depth * (mlpRatio * hiddenSize + 1) * hiddenSize
    let weights =
      (parameterCount - linear) * 4 + (linear - secondLayers) * format.dtype.byteCount
      + secondLayers * precision.secondLayerFormat.dtype.byteCount
    // Tokens in float32 and what the layer takes and gives; sums of bytes are 32 bits wide.
    let result = format == .int8 ? 4 : format.dtype.byteCount
    let widest = max(3 + 1, mlpRatio) * result + mlpRatio * format.dtype.byteCount
    let activations = networkBatchSize * tokenCount * hiddenSize * (4 + result + widest)
    let modulation = (6 * depth + 2) * hiddenSize * 2 * 4
    return weights + activations + ModulationSchedule.bytes(modulation, stepCount: stepCount)
  }
}
