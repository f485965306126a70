internal import Checkpoint
internal import Foundation
internal import Torch

/// A DiT with discrete steps and its autoencoder, with golden weights: what tests draw with that are not about
/// the built-in model. 10 named classes, latents of 4 x 8 x 8, images of 64 x 64 pixels.
public enum SmallModel {
  /// The names of its classes.
  public static let classNames = [
    "arrow", "cat", "clock", "face", "flag", "flower", "fruit", "geometric", "heart", "keycap",
  ]

  /// Written when it is first asked for, and removed as the process ends.
  private static let folder: String = {
    let path = FileManager.default.temporaryDirectory
      .appending(path: "swift-dit-small-model-\(ProcessInfo.processInfo.processIdentifier)").path
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      let values = try GoldenValues("dit-even")
      try write(
        values.weights, path + "/small.safetensors",
        ["num_heads": "2", "class_names": ClassNameList.encode(classNames)])
      try write(try GoldenValues("autoencoder-tiny").weights, path + "/vae.safetensors", [:])
    } catch {
      fatalError("the model for tests cannot be written: \(error)")
    }
    atexit { try? FileManager.default.removeItem(atPath: SmallModel.folder) }
    return path
  }()

  private static func write(
    _ state: [String: Tensor], _ path: String, _ metadata: [String: String]
  ) throws {
    try CheckpointWriter.write(
      state.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, metadata: metadata, to: path)
  }

  /// The DiT's file.
  public static var dit: String { folder + "/small.safetensors" }
  /// The autoencoder's file.
  public static var vae: String { folder + "/vae.safetensors" }
  /// The options of the program that name both.
  public static var options: [String] { ["--dit-checkpoint", dit, "--vae-checkpoint", vae] }
}
