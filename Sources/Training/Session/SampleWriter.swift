internal import Diffusion
internal import Files
internal import Foundation
internal import ImageData
internal import Models
internal import Torch

/// Draws a grid of samples into the run folder, of up to 16 classes.
struct SampleWriter {
  /// The classes to choose from: those that have images.
  let classes: [Int]
  /// Decodes latents.
  let codec: LatentCodec
  /// How the model is trained.
  let process: DiffusionProcess
  /// The device of the weights.
  let device: Device

  private struct Stopped: Error {}

  /// The classes of the grid, evenly spaced.
  var labels: [Int] {
    let shown = min(classes.count, 16)
    return (0..<shown).map { classes[$0 * classes.count / shown] }
  }

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
    do {
      let grid = try SampleGrid(labels: labels).sample(
        config, weights, of: process, codec: codec, device: device
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
