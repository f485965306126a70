internal import Files
internal import Foundation
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct FinetuneTests {
  @Test(arguments: ["model.ckpt", "model.pt", "folder/"])
  func startsFromOtherFormatsAndNames(_ target: String) throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      #expect(try train(["--max-steps", "1", "--output-path", "first"], in: folder).status == 0)
      let converted = try dit(
        ["convert", "--source", "first/checkpoints/latest", "--target", target]
          + (target.hasSuffix("/") ? ["--format", "diffusers"] : []), in: folder)
      #expect(converted.status == 0, "\(converted.errors)")
      let result = try dit(
        [
          "train", "--data-path", "images", "--vae-checkpoint", "none", "--image-size", "16",
          "--dit-checkpoint", target, "--num-heads", "2", "--train-batch-size", "4",
          "--max-steps", "1", "--step-mode", "--output-path", "second", "--freeze", "blocks",
        ], in: folder)
      #expect(result.status == 0, "\(result.errors)")
      let before = try weights(folder + "/first/checkpoints/latest")
      let after = try weights(folder + "/second/checkpoints/latest")
      #expect(Set(before.keys) == Set(after.keys))
      for (name, tensor) in after where name.hasPrefix("blocks") || name == "pos_embed" {
        let old = try #require(before[name])
        #expect(relativeError(tensor, old) < Tolerance.random, "\(name)")
      }
    }
  }

  @Test func refusesWhatIsNoModel() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      let result = try train(
        ["--dit-checkpoint", golden("autoencoder-kl.safetensors"), "--output-path", "run"],
        in: folder)
      #expect(result.status == 1)
      #expect(result.errors.contains("not a DiT"), "\(result.errors)")
    }
  }
}
