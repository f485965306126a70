internal import Checkpoint
internal import Files
internal import Foundation
internal import ImageData
internal import TestSupport
internal import Testing
internal import Torch

/// A temporary folder with images, the golden autoencoders, caches and runs.
struct EncodingFolder: Sendable {
  let path: String

  /// Draws images of 32 x 32 pixels, no two alike and none its own mirror image, in two classes.
  func addImages(_ count: Int) throws {
    for name in ["a", "b"] { try Folder.make(path + "/images/" + name) }
    for number in 0..<count {
      let pixels = (0..<1024).flatMap { place -> [UInt8] in
        let (y, x) = place.quotientAndRemainder(dividingBy: 32)
        return [UInt8(x * 7), UInt8((x * number + y * 5) % 256), UInt8(number * 2)]
      }
      let image = RGBImage(width: 32, height: 32, pixels: pixels)
      let name = String(format: "%03d.png", number)
      try image.png().withUnsafeBytes {
        try AtomicFile.write(
          contentsOf: $0, to: "\(path)/images/\(number * 2 < count ? "a" : "b")/\(name)")
      }
    }
  }

  /// Runs `dit encode`; what is given goes last.
  func encode(
    _ arguments: [String] = [], vae: String = "tiny", to cache: String = "cache",
    started: (Process) throws -> Void = { _ in }
  ) throws -> ProgramResult {
    let given = Set(arguments)
    let options = [
      ("--data-path", "images"), ("--vae-checkpoint", vae + ".st"), ("--image-size", "32"),
      ("--output-path", cache), ("--num-parallel-workers", "1"),
    ].filter { !given.contains($0.0) }
    return try dit(
      ["encode"] + options.flatMap { [$0.0, $0.1] } + arguments, in: path, started: started)
  }

  /// Runs `dit train` for four steps of a small model.
  func train(_ arguments: [String], run: String) throws -> ProgramResult {
    let isFolder = arguments.contains("images")
    let batch = arguments.contains("--train-batch-size") ? [] : ["--train-batch-size", "2"]
    return try dit(
      [
        "train", "--hidden-size", "16", "--depth", "1", "--num-heads", "2", "--patch-size", "2",
        "--max-steps", "4", "--step-mode", "--ckpt-max-keep", "9", "--num-parallel-workers", "1",
        "--gradient-accumulation-steps", "2", "--output-path", run,
      ] + (isFolder ? ["--image-size", "32"] : []) + batch + arguments, in: path)
  }

  /// The losses in the metrics of a training that succeeds.
  func losses(_ arguments: [String], run: String) throws -> [Double] {
    let result = try train(arguments, run: run)
    #expect(result.status == 0, "\(result.errors)")
    return try String(contentsOfFile: "\(path)/\(run)/metrics.jsonl", encoding: .utf8)
      .split(separator: "\n").map { line in
        let fields = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        return try #require(fields?["loss"] as? Double)
      }
  }

  /// The files of a folder, hidden ones too.
  func content(_ folder: String) throws -> [String: Data] {
    var content: [String: Data] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: "\(path)/\(folder)") {
      content[name] = try Data(contentsOf: URL(filePath: "\(path)/\(folder)/\(name)"))
    }
    return content
  }

  /// How many files of a folder have names that end so; 0 without the folder.
  func count(_ folder: String, _ ending: String) throws -> Int {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(path)/\(folder)")) ?? []
    return names.filter { $0.hasSuffix(ending) && !$0.hasPrefix(".") }.count
  }

  /// Changes one byte of a file.
  func spoil(_ file: String) throws {
    let url = URL(filePath: path + "/" + file)
    var data = try Data(contentsOf: url)
    data[data.count - 1] ^= 1
    try data.write(to: url)
  }

  /// Cuts a file's last byte off.
  func shorten(_ file: String) throws {
    let url = URL(filePath: path + "/" + file)
    try Data(contentsOf: url).dropLast().write(to: url)
  }

  /// Removes a file.
  func remove(_ file: String) throws {
    try FileManager.default.removeItem(atPath: path + "/" + file)
  }
}

/// Calls `body` with a folder that holds the golden autoencoders, `tiny.st` and `kl.st`.
func withEncodingFolder(_ body: (EncodingFolder) throws -> Void) throws {
  try withTemporaryFolder { path in
    for kind in ["tiny", "kl"] {
      let weights = try GoldenValues("autoencoder-\(kind)").weights
      try CheckpointWriter.write(
        weights.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, to: "\(path)/\(kind).st")
    }
    try body(EncodingFolder(path: path))
  }
}
