internal import Foundation
internal import TestSupport
internal import Testing

/// LightningDiT's files on the command line: sampling, converting, training.
@Suite struct LightningCommandTests {
  @Test func drawsAndKeepsItsSettings() throws {
    try withTemporaryFolder { folder in
      try LightningFiles.write(to: folder, suffix: "pt")
      func sample(_ arguments: [String]) throws -> ProgramResult {
        try dit(
          ["sample", "--sampling-steps", "3", "--class-labels", "1,3", "--precision", "fp32"]
            + arguments, in: folder)
      }
      let files = ["--dit-checkpoint", "dit.pt", "--vae-checkpoint", "vae.pt"]
      let statistics = ["--latent-stats", LightningFiles.statistics]
      let first = try sample(files + statistics + ["--output-path", "a"])
      #expect(first.status == 0, "\(first.errors)")
      #expect(first.errors.contains("family lightningdit"))
      #expect(first.errors.contains("normalized by channel, by statistics from"))
      #expect(first.errors.contains("3 steps of euler, guidance 6.7 from 0.0 to 0.875"))
      let report = try jsonRecord(folder + "/a/sample.json")
      #expect(report["timestep_spacing"] as? String == "shifted")
      #expect(report["time_shift"] as? Double == 0.3)
      #expect(report["latent_stats"] as? String == LightningFiles.statistics)
      // The record alone repeats it, and so does the picture.
      let again = try dit(["sample", "-c", "a/sample.json", "--output-path", "b"], in: folder)
      #expect(again.status == 0, "\(again.errors)")
      let picture = try dit(
        ["sample", "--from", "a/class-3.png", "--output-path", "c"], in: folder)
      #expect(picture.status == 0, "\(picture.errors)")
      func bytes(_ path: String) throws -> Data {
        try Data(contentsOf: URL(filePath: folder + "/" + path))
      }
      #expect(try bytes("a/class-1.png") == bytes("b/class-1.png"))
      #expect(try bytes("a/class-3.png") == bytes("c/class-3.png"))

      let none = try sample(files)
      #expect(none.status == 64 && none.errors.contains("--latent-stats"), "\(none.errors)")
      let missing = try sample(files + ["--latent-stats", "missing.pt"])
      #expect(missing.status == 1 && missing.errors.contains("missing.pt"), "\(missing.errors)")
      let other = try sample(files + ["--latent-stats", "vae.pt"])
      #expect(other.status == 1 && other.errors.contains("must hold the tensors mean and std"))
      let builtIn = try sample(statistics)
      #expect(builtIn.status == 64 && builtIn.errors.contains("built-in"), "\(builtIn.errors)")
      let asDiT = try sample(files + statistics + ["--family", "dit", "--output-path", "d"])
      #expect(asDiT.status == 0, "\(asDiT.errors)")
      #expect(asDiT.errors.contains("taken for family dit, as chosen; it would be lightningdit"))
    }
  }

  @Test func convertsWithStatistics() throws {
    try withTemporaryFolder { folder in
      try LightningFiles.write(to: folder, suffix: "pt")
      for (source, target) in [("dit.pt", "x.safetensors"), ("vae.pt", "v.safetensors")] {
        let result = try dit(
          [
            "convert", "--source", source, "--target", target, "--latent-stats",
            LightningFiles.statistics,
          ],
          in: folder)
        #expect(result.status == 0, "\(result.errors)")
        let inspected = try dit(["inspect", target], in: folder)
        #expect(inspected.output.contains("latent_statistics of 8 channels"), "\(inspected.output)")
      }
      let model = try dit(["inspect", "x.safetensors"], in: folder).output
      #expect(model.contains("family            lightningdit"))
      let vae = try dit(["inspect", "v.safetensors"], in: folder).output
      #expect(vae.contains("downsampling      16"))
      // Nothing more is needed.
      let sampled = try dit(
        [
          "sample", "--dit-checkpoint", "x.safetensors", "--vae-checkpoint", "v.safetensors",
          "--sampling-steps", "2", "--class-labels", "1", "--output-path", "a", "--image-size",
          "64",
        ], in: folder)
      #expect(sampled.status == 0, "\(sampled.errors)")
      // 16 pixels a latent.
      let size = try dit(
        ["convert", "--source", "dit.pt", "--target", "y.pt", "--image-size", "32"], in: folder)
      #expect(size.status == 64 && size.errors.contains("64 x 64"), "\(size.errors)")
      let wrong = try dit(
        [
          "convert", "--source", "dit.pt", "--target", "y.pt", "--latent-stats",
          golden("npz/stored.npz"),
        ], in: folder)
      #expect(wrong.status != 0)
    }
  }

  @Test func trainsOnNormalizedLatents() throws {
    try withTemporaryFolder { folder in
      try LightningFiles.write(to: folder, suffix: "pt")
      try makeImages(in: folder + "/images")
      let statistics = ["--latent-stats", LightningFiles.statistics]
      let recipe = [
        "--train-batch-size", "4", "--max-steps", "2", "--step-mode", "--objective", "flow",
        "--direction-weight", "1", "--timestep-sampling", "logit-normal", "--betas", "0.9,0.95",
        "--horizontal-flip", "false",
      ]
      let size = ["--hidden-size", "32", "--depth", "1", "--num-heads", "2", "--patch-size", "1"]
      let images = ["--data-path", "images", "--image-size", "32", "--vae-checkpoint", "vae.pt"]
      func train(_ options: [String]) throws -> ProgramResult {
        try dit(["train"] + options + recipe, in: folder)
      }
      let own = try train(images + size + statistics + ["--output-path", "own"])
      #expect(own.status == 0, "\(own.errors)")
      #expect(own.errors.contains("normalized by channel, by the statistics of"))
      // A cache has moments before the statistics.
      let encoded = try dit(
        [
          "encode", "--data-path", "images", "--vae-checkpoint", "vae.pt", "--image-size", "32",
          "--output-path", "cache",
        ], in: folder)
      #expect(encoded.status == 0, "\(encoded.errors)")
      let cached = try train(
        ["--data-path", "cache", "--output-path", "cached"] + size + statistics)
      #expect(cached.status == 0, "\(cached.errors)")
      let plain = try train(images + size + ["--output-path", "plain"])
      func losses(_ run: String) throws -> [Double] {
        try String(contentsOfFile: "\(folder)/\(run)/metrics.jsonl", encoding: .utf8)
          .split(separator: "\n").map { line in
            let json = try JSONSerialization.jsonObject(with: Data(line.utf8))
            return try #require((json as? [String: Any])?["loss"] as? Double)
          }
      }
      #expect(plain.status == 0)
      #expect(try losses("own") == losses("cached"))
      #expect(try losses("own") != losses("plain"))
      // An autoencoder that has them in its file takes them off, once, also through a cache.
      let converted = try dit(
        ["convert", "--source", "vae.pt", "--target", "vae.safetensors"] + statistics, in: folder)
      let normalized = try dit(
        [
          "encode", "--data-path", "images", "--vae-checkpoint", "vae.safetensors",
          "--image-size", "32", "--output-path", "normalized",
        ], in: folder)
      #expect(converted.status == 0 && normalized.status == 0, "\(normalized.errors)")
      for (run, options) in [("once", statistics), ("alone", [])] {
        let result = try train(
          ["--data-path", "normalized", "--output-path", run] + size + options)
        #expect(result.status == 0, "\(result.errors)")
        for (loss, expected) in zip(try losses(run), try losses("own")) {
          #expect(abs(loss - expected) < 1e-4 * expected, "\(run)")
        }
      }
      // Samples need no statistics, and a finetune takes them over.
      let sampled = try dit(
        [
          "sample", "--dit-checkpoint", "own", "--sampling-steps", "2", "--class-labels", "1",
          "--output-path", "samples",
        ], in: folder)
      #expect(sampled.status == 0, "\(sampled.errors)")
      #expect(sampled.errors.contains("by statistics as the training run noted"))
      let tuned = try train(images + ["--dit-checkpoint", "own", "--output-path", "tuned"])
      #expect(tuned.status == 0 && tuned.errors.contains("by the statistics of"), "\(tuned.errors)")
      let published = ["--data-path", "images", "--dit-checkpoint", "dit.pt", "--image-size", "64"]
      let missing = try train(published + ["--vae-checkpoint", "vae.pt", "--output-path", "x"])
      #expect(missing.status == 64 && missing.errors.contains("statistics are missing"))
      let pixels = try train(
        ["--data-path", "images", "--vae-checkpoint", "none", "--image-size", "16"] + size
          + statistics + ["--output-path", "y"])
      #expect(pixels.status == 64 && pixels.errors.contains("pixels have no statistics"))
      let noise = try train(
        images + size + ["--prediction", "noise", "--output-path", "z"])
      #expect(noise.status == 64 && noise.errors.contains("--direction-weight is for"))
    }
  }
}
