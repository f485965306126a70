internal import Layers
internal import Models
internal import Torch

extension TransformerBlock where Layer == Linear {
  /// The branches with their weights laid out for inference.
  ///
  /// - Parameters:
  ///   - name: of the block, for messages.
  ///   - precision: the number format of the linear layers.
  /// - Returns: the branches, with the same norms.
  /// - Throws: `InferenceError` for 8 bits, if weights are not finite or the hardware does not support
  ///   the format.
  func packed(
    _ name: String, _ precision: Precision
  ) throws(InferenceError) -> TransformerBlock<PackedLinear> {
    let isNarrow = precision.linearFormat.dtype.byteCount == 1
    return try map(paddedToMultipleOf: isNarrow ? 16 : 1) {
      (layerName, layer) throws(InferenceError) -> PackedLinear in
      do throws(TorchError) {
        return try PackedLinear(
          weight: layer.weight, bias: layer.bias, format: precision.format(of: layerName))
      } catch {
        throw InferenceError(
          .unsupportedPrecision, "\(name).\(layerName.rawValue): \(error.message)")
      }
    }
  }

  /// Bytes that the weights of the linear layers take less than in float32.
  func savedBytes(_ precision: Precision) -> Int {
    linearLayers.reduce(0) {
      $0 + $1.layer.parameterCount * (4 - precision.format(of: $1.name).dtype.byteCount)
    }
  }

  /// Bytes per token at the widest point: the token in float32, input and output of a branch's first
  /// layer, and the input of the second.
  func bytesPerToken(_ precision: Precision) -> Int {
    let format = precision.linearFormat.dtype.byteCount
    // Sums of 8-bit products are 32 bits wide.
    let result = precision.linearFormat == .int8 ? 4 : format
    let branch = attention.first.outputCount + attention.projection.inputCount
    let hidden = linearLayers.last?.layer.inputCount ?? 0
    return attention.first.inputCount * (4 + result)
      + max(branch, mlp.first.outputCount) * result + hidden * format
  }
}
