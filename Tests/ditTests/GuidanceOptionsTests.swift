internal import Checkpoint
internal import Files
internal import Foundation
internal import Pipeline
internal import TestSupport
internal import Testing
internal import Torch

/// An interval of guidance, a guide and a cache, on the command line and in records.
@Suite struct GuidanceOptionsTests {
  private static let common = [
    "--class-labels", "1,3", "--sampler", "euler", "--sampling-steps", "6", "--precision", "fp32",
  ]

  private static func latents(
    _ name: String, _ arguments: [String], in folder: String
  ) throws -> Tensor {
    let result = try dit(
      ["sample"] + arguments
        + ["--output-path", name, "--save-latents", name + ".safetensors", "--force"],
      in: folder)
    #expect(result.status == 0, "\(result.errors)")
    return try #require(
      try Checkpoint.open(folder + "/\(name).safetensors").tensor("latents"))
  }

  /// The built-in model with half its attention.
  private static func writeGuide(to path: String) throws {
    let checkpoint = try EmbeddedModel.checkpoint()
    try CheckpointWriter.write(
      checkpoint.stateDict.sorted { $0.key < $1.key }.map { name, tensor in
        (name, name.hasSuffix("attn.proj.weight") ? tensor.to(.float32) * 0.5 : tensor)
      }, metadata: checkpoint.metadata, to: path)
  }

  @Test func areTheSameWhereTheyChangeNothing() throws {
    try withTemporaryFolder { folder in
      let plain = try Self.latents("plain", Self.common, in: folder)
      let record = try jsonRecord(folder + "/plain/sample.json")
      for key in ["guidance_interval", "guide_checkpoint", "cache"] { #expect(record[key] == nil) }
      let given = try Self.latents(
        "given", Self.common + ["--guidance-interval", "0,1", "--cache", "taylor:1"], in: folder)
      #expect(relativeError(given, plain) == 0)
    }
  }

  @Test func areInTheRecordAndComeBackFromIt() throws {
    try withTemporaryFolder { folder in
      try Self.writeGuide(to: folder + "/weak.safetensors")
      let options = [
        "--guidance-interval", "0.1,0.7", "--guide-checkpoint", "weak.safetensors", "--cache",
        "taylor:2", "--guidance-scale", "2",
      ]
      let first = try Self.latents("first", Self.common + options, in: folder)
      let record = try jsonRecord(folder + "/first/sample.json")
      #expect(record["guidance_interval"] as? String == "0.1,0.7")
      #expect(record["guide_checkpoint"] as? String == "weak.safetensors")
      #expect(record["cache"] as? String == "taylor:2")
      let again = try Self.latents("again", ["-c", "first/sample.json"], in: folder)
      #expect(relativeError(again, first) == 0)
      let others = [["--cache", "none"], ["--guidance-interval", "0,1"]]
      for change in others {
        let other = try Self.latents("other", ["-c", "first/sample.json"] + change, in: folder)
        #expect(relativeError(other, first) > 1e-4, "\(change)")
      }
    }
  }

  @Test(arguments: ["0.1,0.7", "[0.1, 0.7]", "'0.1, 0.7'"])
  func readAnIntervalFromAFile(_ text: String) throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write(
        "guidance_interval: \(text)\nguidance_scale: 4\nsampling_steps: 2\ncache: none\n",
        to: folder + "/file.yaml")
      let result = try dit(
        ["sample", "-c", "file.yaml", "--class-labels", "1", "--output-path", "out"], in: folder)
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.errors.contains("guidance 4.0 from 0.1 to 0.7"), "\(result.errors)")
      let record = try jsonRecord(folder + "/out/sample.json")
      #expect(record["guidance_interval"] as? String == "0.1,0.7")
    }
  }

  @Test func saysWhatChangesNothing() throws {
    try withTemporaryFolder { folder in
      try Self.writeGuide(to: folder + "/weak.safetensors")
      let result = try dit(
        [
          "sample", "--guidance-scale", "1", "--sampling-steps", "1", "--guidance-interval",
          "0,0.5", "--guide-checkpoint", "weak.safetensors", "--output-path", "out",
        ], in: folder)
      #expect(result.status == 0, "\(result.errors)")
      for name in ["interval changes", "guide-checkpoint changes"] {
        #expect(
          result.errors.contains("\(name) nothing with a --guidance-scale of 1.0"),
          "\(result.errors)")
      }
    }
  }

  @Test func saysThatAnAdaptiveSamplerChoosesItsSteps() throws {
    try withTemporaryFolder { folder in
      let result = try dit(
        [
          "sample", "--family", "sit", "--sampler", "dopri5", "--atol", "1", "--rtol", "1",
          "--class-labels", "1", "--sampling-steps", "3", "--time-shift", "2", "--output-path",
          "out",
        ], in: folder)
      #expect(result.status == 0, "\(result.errors)")
      for name in ["sampling-steps", "time-shift"] {
        #expect(
          result.errors.contains("--\(name) changes nothing here: dopri5 chooses its steps"),
          "\(result.errors)")
      }
    }
  }

  @Test func saysThatAModelDoesNotGuideItself() throws {
    try withTemporaryFolder { folder in
      try Self.writeGuide(to: folder + "/weak.safetensors")
      let result = try dit(
        [
          "sample", "--dit-checkpoint", "weak.safetensors", "--guide-checkpoint",
          "weak.safetensors", "--vae-checkpoint", "embedded autoencoder", "--sampling-steps", "1",
          "--output-path", "out",
        ], in: folder)
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.errors.contains("is the model itself: that is no guidance"))
    }
  }

  @Test func refusesAGuideThatIsNotThere() throws {
    try withTemporaryFolder { folder in
      let result = try dit(["sample", "--guide-checkpoint", "none.pt"], in: folder)
      #expect(result.status == 1)
      #expect(result.errors.contains("none.pt"), "\(result.errors)")
    }
  }
}
