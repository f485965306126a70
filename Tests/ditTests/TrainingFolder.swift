internal import Checkpoint
internal import Pipeline
internal import Files
internal import Foundation
internal import ImageData
internal import TestSupport
internal import Torch

/// Writes a plain image of 16 x 16 pixels.
private func writeImage(_ color: [UInt8], to path: String) throws {
  let image = RGBImage(width: 16, height: 16, pixels: (0..<256).flatMap { _ in color })
  try image.png().withUnsafeBytes { try AtomicFile.write(contentsOf: $0, to: path) }
}

/// Two classes of plain images: red and blue.
func makeImages(in folder: String, count: Int = 4) throws {
  for (name, color) in [("red", [220, 20, 20]), ("blue", [20, 20, 220])] as [(String, [UInt8])] {
    try Folder.make(folder + "/" + name)
    for index in 0..<count {
      let shade = color.map { $0 &+ UInt8(index * 8 % 256) }
      try writeImage(shade, to: "\(folder)/\(name)/\(index).png")
    }
  }
}

/// A model of pixels that trains in no time.
let tinyModel = [
  "--vae-checkpoint", "none", "--image-size", "16", "--hidden-size", "32", "--depth", "2",
  "--num-heads", "2", "--patch-size", "4", "--train-batch-size", "4", "--step-mode",
]

/// Trains the tiny model on the folder `images`.
func train(_ arguments: [String], in folder: String) throws -> ProgramResult {
  try dit(["train", "--data-path", "images"] + tinyModel + arguments, in: folder)
}

/// The tensors of a checkpoint.
func weights(_ path: String) throws -> [String: Tensor] { try Checkpoint.openModel(path).stateDict }
