internal import Checkpoint
internal import Layers
internal import Models
public import Torch

/// Files as LightningDiT's code and its autoencoder's write them, from golden values.
public enum LightningFiles {
  /// The statistics of the latents.
  public static let statistics = golden("lightning/latents_stats.pt")

  /// The model's state dict, with its tables of rotations, which are buffers.
  public static var model: [String: Tensor] {
    get throws {
      let values = try GoldenValues("blocks/lightning")
      var state = values.weights
      let rotations = try values.config.model.rotaryPositions(on: .cpu)
      for (name, table) in [("cos", rotations?.cosines), ("sin", rotations?.sines)] {
        state["feat_rope.freqs_" + name] = table.map {
          stacked([$0, $0], axis: 2).flattened(from: 1)
        }
      }
      return state
    }
  }

  /// Writes the model and its autoencoder, which has the names of CompVis.
  ///
  /// - Parameters:
  ///   - folder: for `dit` and `vae` with the suffix.
  ///   - suffix: `pt` or `safetensors`.
  ///   - metadata: of the model's file.
  ///   - vaeMetadata: of the autoencoder's, beside the groups of its norms.
  /// - Throws: `FileError`.
  public static func write(
    to folder: String, suffix: String = "safetensors", metadata: [String: String] = [:],
    vaeMetadata: [String: String] = [:]
  ) throws {
    func write(_ state: [String: Tensor], _ metadata: [String: String], _ name: String) throws {
      try CheckpointWriter.write(
        state.sorted { $0.key < $1.key }.map { (name: $0.key, tensor: $0.value) },
        as: suffix == "pt" ? .pytorch : .safetensors, metadata: metadata,
        to: "\(folder)/\(name).\(suffix)")
    }
    try write(try model, metadata, "dit")
    try write(
      try GoldenValues("lightning/vavae").weights,
      vaeMetadata.merging(["norm_num_groups": "2"]) { first, _ in first }, "vae")
  }
}
