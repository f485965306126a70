internal import Checkpoint
internal import Foundation
internal import TestSupport
internal import Testing
internal import Torch

/// Commands that take a checkpoint take it in every format.
@Suite struct AnyFormatTests {
  private static let targets = ["model.pt", "model.safetensors", "model.ckpt", "folder"]

  /// Writes the golden DiT and autoencoder in every format, as `<kind>-<target>`.
  private static func writeModels(to folder: String) throws {
    for (kind, name) in [("dit", "dit-even"), ("vae", "autoencoder-kl")] {
      try CheckpointWriter.write(
        try GoldenValues(name).weights.map { ($0.key, $0.value) }, as: .safetensors,
        metadata: kind == "dit" ? ["num_heads": "2"] : [:], to: "\(folder)/\(kind)")
      for target in targets {
        let format = target == "folder" ? ["--format", "diffusers"] : []
        let result = try dit(
          ["convert", "-s", kind, "-t", "\(kind)-\(target)"] + format, in: folder)
        #expect(result.status == 0, "\(result.errors)")
      }
    }
  }

  @Test func samplesTheSameImageFromEach() throws {
    try withTemporaryFolder { folder in
      try AnyFormatTests.writeModels(to: folder)
      var images: [Data] = []
      for (place, target) in AnyFormatTests.targets.enumerated() {
        // The position embedding of a folder is computed anew, and differs in its last digits.
        let network = target == "folder" ? AnyFormatTests.targets[0] : target
        let result = try dit(
          [
            "sample", "--dit-checkpoint", "dit-\(network)", "--vae-checkpoint", "vae-\(target)",
            "--class-labels", "3", "--sampling-steps", "2", "--precision", "fp32",
            "--metadata", "false", "--output-path", "out\(place)",
          ], in: folder)
        #expect(result.status == 0, "\(target): \(result.errors)")
        images.append(
          (try? Data(contentsOf: URL(filePath: "\(folder)/out\(place)/grid.png"))) ?? Data())
      }
      #expect(!images[0].isEmpty && Set(images).count == 1)
      let whole = try dit(
        [
          "sample", "--dit-checkpoint", "dit-folder", "--vae-checkpoint", "vae-model.pt",
          "--class-labels", "3", "--sampling-steps", "2", "--output-path", "whole",
        ], in: folder)
      #expect(whole.status == 0, "\(whole.errors)")
    }
  }

  @Test func encodesTheSameLatentsWithEach() throws {
    try withTemporaryFolder { folder in
      try AnyFormatTests.writeModels(to: folder)
      let images = folder + "/images/class"
      try FileManager.default.createDirectory(atPath: images, withIntermediateDirectories: true)
      for name in ["color.jpg", "crop-exact.png"] {
        try FileManager.default.copyItem(
          atPath: golden("images/\(name)"), toPath: "\(images)/\(name)")
      }
      var caches: [[String: [Float]]] = []
      for target in AnyFormatTests.targets {
        let result = try dit(
          [
            "encode", "--data-path", "images", "--vae-checkpoint", "vae-\(target)", "--image-size",
            "32", "--output-path", "cache-\(target)",
          ], in: folder)
        #expect(result.status == 0, "\(target): \(result.errors)")
        let files = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/cache-\(target)")
          .filter { $0.hasSuffix(".safetensors") }
        var values: [String: [Float]] = [:]
        for file in files {
          let state = try Checkpoint.open("\(folder)/cache-\(target)/\(file)").stateDict
          for (name, tensor) in state {
            values[file + name] = tensor.to(.float32).elements(Float.self)
          }
        }
        caches.append(values)
      }
      #expect(!caches[0].isEmpty && Set(caches).count == 1)
    }
  }
}
