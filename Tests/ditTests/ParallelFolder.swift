internal import Checkpoint
internal import Files
internal import Foundation
internal import ImageData
internal import TestSupport
internal import Testing
internal import Torch

/// A temporary folder with images for small training runs of several processes.
struct ParallelFolder: Sendable {
  let path: String

  /// Options of a model that a step of takes a few milliseconds.
  static let model = [
    "train", "--data-path", "images", "--vae-checkpoint", "none", "--image-size", "8",
    "--hidden-size", "16", "--depth", "2", "--num-heads", "2", "--patch-size", "2", "--step-mode",
    "--num-parallel-workers", "1", "--timeout", "60",
  ]

  /// Runs `dit train`.
  func train(
    _ arguments: [String], started: (Process) throws -> Void = { _ in }
  ) throws -> ProgramResult {
    try dit(ParallelFolder.model + arguments, in: path, started: started)
  }

  /// The losses in the metrics of a run.
  func losses(_ run: String) throws -> [Double] {
    try String(contentsOfFile: "\(path)/\(run)/metrics.jsonl", encoding: .utf8)
      .split(separator: "\n").map { line in
        let fields = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        return try #require(fields?["loss"] as? Double)
      }
  }

  /// The tensors of a file of a run's last checkpoint.
  func tensors(_ run: String, _ file: String) throws -> [String: Tensor] {
    try Checkpoint.open("\(path)/\(run)/checkpoints/latest/\(file).safetensors").stateDict
  }

  /// The largest difference between the weights of two runs; a step of the optimizer moves them by 1e-4.
  ///
  /// The keys' third of `qkv.bias` is left out: its true gradient is zero, and AdamW magnifies what
  /// rounding leaves of it.
  func largestDifference(_ run: String, from other: String, file: String = "model") throws -> Double
  {
    let (ours, theirs) = (try tensors(run, file), try tensors(other, file))
    #expect(Set(ours.keys) == Set(theirs.keys))
    return try ours.map { name, tensor in
      let reference = try #require(theirs[name])
      let difference = (tensor - reference).magnitude
      guard name.hasSuffix("qkv.bias") else { return difference.max().item }
      let parts = difference.chunks(3, axis: 0)
      return max(parts[0].max().item, parts[2].max().item)
    }.max() ?? .infinity
  }
}

/// The processes that a process has started.
func children(of process: Process) throws -> [Int32] {
  let tasks = "/proc/\(process.processIdentifier)/task"
  return try FileManager.default.contentsOfDirectory(atPath: tasks).flatMap {
    try String(contentsOfFile: "\(tasks)/\($0)/children", encoding: .utf8).split(separator: " ")
  }.compactMap { Int32($0) }
}

/// Calls `body` with a folder of 16 images in two classes.
func withParallelFolder(_ body: (ParallelFolder) throws -> Void) throws {
  try withTemporaryFolder { path in
    for number in 0..<16 {
      let folder = "\(path)/images/\(number % 2 == 0 ? "even" : "odd")"
      try Folder.make(folder)
      let pixels = (0..<64).flatMap { place in
        [UInt8(place * 3), UInt8(number * 15), UInt8((place * number) % 256)]
      }
      try RGBImage(width: 8, height: 8, pixels: pixels).png().withUnsafeBytes {
        try AtomicFile.write(contentsOf: $0, to: "\(folder)/\(number).png")
      }
    }
    try body(ParallelFolder(path: path))
  }
}
