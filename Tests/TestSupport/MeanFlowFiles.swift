internal import Checkpoint
internal import Models
public import Torch

/// Files as improved MeanFlow's code writes them, from golden values.
public enum MeanFlowFiles {
  /// The parameters of a published file: within `net`, with the last layer of the instantaneous velocity and
  /// without its blocks.
  public static var published: [String: Tensor] {
    get throws {
      let weights = try GoldenMeanFlow().values.weights
      let kept = weights.filter { !$0.key.hasPrefix("v_heads.") }
      return Dictionary(uniqueKeysWithValues: kept.map { ("net." + $0.key, $0.value) })
    }
  }

  /// Writes a file.
  ///
  /// - Parameters:
  ///   - path: ends with `.pth` or `.safetensors`.
  ///   - metadata: of the file.
  ///   - change: changes the parameters of a published file.
  /// - Throws: what writing and `change` throw.
  public static func write(
    to path: String, metadata: [String: String] = [:],
    change: (inout [String: Tensor]) throws -> Void = { _ in }
  ) throws {
    var state = try published
    try change(&state)
    try CheckpointWriter.write(
      state.sorted { $0.key < $1.key }.map { (name: $0.key, tensor: $0.value) },
      as: path.hasSuffix(".pth") ? .pytorch : .safetensors, metadata: metadata, to: path)
  }

  /// Writes an autoencoder of 4 channels and an eighth of the size.
  public static func writeAutoencoder(to path: String) throws {
    try CheckpointWriter.write(
      try GoldenValues("autoencoder-tiny").weights.sorted { $0.key < $1.key }
        .map { (name: $0.key, tensor: $0.value) }, to: path)
  }
}
