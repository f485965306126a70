internal import Checkpoint
internal import Files
internal import Foundation
internal import TestSupport
internal import Testing
internal import Torch

/// `--reduce-while-decoding`, from the options to the pixels.
@Suite struct ReducedDecodingTests {
  @Test func trainsAndEncodesOnTheSamePixels() throws {
    try withEncodingFolder { folder in
      for (name, file) in [("a", "crop-even.jpg"), ("b", "crop-twice.jpg")] {
        try Folder.make("\(folder.path)/images/\(name)")
        try FileManager.default.copyItem(
          atPath: golden("images/\(file)"), toPath: "\(folder.path)/images/\(name)/\(file)")
      }
      let reduced = ["--reduce-while-decoding"]
      #expect(try folder.encode().status == 0)
      #expect(try folder.encode(reduced, to: "reduced").status == 0)
      let (plain, other) = (try mean(folder, "cache"), try mean(folder, "reduced"))
      #expect((1e-4..<0.2).contains(relativeError(other, plain)))

      let mixed = try folder.encode(to: "reduced")
      #expect(mixed.status == 1)
      #expect(
        mixed.errors.contains("reduced while decoding: true there, false here"), "\(mixed.errors)")
      let wrong = try folder.train(["--data-path", "cache"] + reduced, run: "wrong")
      #expect(wrong.status == 64)
      #expect(wrong.errors.contains("'cache' was encoded without reducing"), "\(wrong.errors)")

      // A rate at which the loss soon depends on the latents.
      let recipe = ["--start-learning-rate", "0.01", "--sd-scale-factor", "40"]
      let images = ["--data-path", "images", "--vae-checkpoint", "tiny.st"] + recipe
      let expected = try folder.losses(images + reduced, run: "a")
      let losses = try folder.losses(["--data-path", "reduced"] + recipe, run: "b")
      for (loss, other) in zip(losses, expected) { #expect(abs(loss - other) < 1e-6) }
      let others = try folder.losses(images, run: "c")
      #expect(zip(others, expected).contains { abs($0 - $1) > 3e-6 })

      let resumed = try folder.train(
        images + ["--reduce-while-decoding", "false", "--resume"], run: "a")
      #expect(resumed.status == 1)
      #expect(
        resumed.errors.contains("images: 2 reduced while decoding there, 2 here"),
        "\(resumed.errors)")
    }
  }

  private func mean(_ folder: EncodingFolder, _ cache: String) throws -> Tensor {
    let shard = try Checkpoint.open("\(folder.path)/\(cache)/shard-00000.safetensors")
    return try #require(shard.tensor("mean"))
  }
}
