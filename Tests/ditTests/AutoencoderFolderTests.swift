internal import Checkpoint
internal import Files
internal import TestSupport
internal import Testing

/// An autoencoder in two files: training needs the encoder, samples need the decoder.
@Suite struct AutoencoderFolderTests {
  @Test func servesTrainingEncodingAndSampling() throws {
    try withEncodingFolder { folder in
      try folder.addImages(4)
      let halves = folder.path + "/halves"
      try Folder.make(halves)
      let weights = try GoldenValues("autoencoder-tiny").weights.sorted { $0.key < $1.key }
      for half in ["encoder", "decoder"] {
        try SafetensorsWriter.write(
          weights.filter { $0.key.hasPrefix(half) }.map { ($0.key, $0.value) },
          to: "\(halves)/\(half).safetensors")
      }
      let images = ["--data-path", "images", "--sample-interval", "4", "--vae-checkpoint"]
      let alone = try folder.train(images + ["halves/encoder.safetensors"], run: "alone")
      #expect(alone.status == 64, "\(alone.errors)")
      #expect(
        alone.errors.contains("needs the decoder, which 'halves/encoder.safetensors' lacks"),
        "\(alone.errors)")
      #expect(!Folder.exists(folder.path + "/alone"))

      let losses = try folder.losses(images + ["halves"], run: "run")
      #expect(Folder.hasFile(folder.path + "/run/samples/step-000004.png"))
      #expect(try losses == folder.losses(images + ["tiny.st"], run: "whole"))

      let cache = try folder.encode(["--vae-checkpoint", "halves"])
      #expect(cache.status == 0, "\(cache.errors)")
      #expect(try folder.encode(to: "whole-cache").status == 0)
      #expect(try folder.content("cache") == folder.content("whole-cache"))

      let sample = try dit(
        [
          "sample", "--dit-checkpoint", "run/checkpoints/latest", "--vae-checkpoint", "halves",
          "--sampling-steps", "1", "--class-labels", "a", "--output-path", "out",
        ], in: folder.path)
      #expect(sample.status == 0, "\(sample.errors)")
    }
  }
}
