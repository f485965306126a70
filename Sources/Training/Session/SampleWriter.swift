internal import Files
internal import Foundation
internal import ImageData
internal import Models
internal import Torch

/// Draws a grid of samples into the run folder, of up to 16 classes.
struct SampleWriter {
  /// Classes of the model.
  let classCount: Int
  /// Decodes latents.
  let codec: LatentCodec
  /// The device of the weights.
  let device: Device

  private struct Stopped: Error {}

  /// Draws and writes a grid.
  ///
  /// - Parameters:
  ///   - config: the shape of the model.
  ///   - weights: by name.
  ///   - step: of the run, for the file's name.
  ///   - directory: the run folder.
  ///   - log: gets the grid too, for TensorBoard.
  ///   - shouldStop: asked now and then.
  /// - Returns: false if `shouldStop` has ended it.
  /// - Throws: `TorchError`, `FileError`; what `shouldStop` throws.
  func write(
    _ config: DiTConfig, _ weights: [String: Tensor], step: Int, to directory: RunDirectory,
    _ log: SessionLog, shouldStop: () throws -> Bool
  ) throws -> Bool {
    let shown = min(classCount, 16)
    do {
      let grid = try SampleGrid(labels: (0..<shown).map { $0 * classCount / shown }).sample(
        config, weights, codec: codec, device: device
      ) {
        if try shouldStop() { throw Stopped() }
      }
      let png = try grid.png()
      let path = directory.path + String(format: "/samples/step-%06d.png", step)
      try png.withUnsafeBytes { try AtomicFile.write(contentsOf: $0, to: path) }
      try log.write(png: png, width: grid.width, height: grid.height, step: step)
      return true
    } catch is Stopped {
      return false
    }
  }
}
