internal import Checkpoint
internal import Files
internal import Foundation
internal import TestSupport
internal import Testing

/// An autoencoder in two files: training needs the encoder, samples need the decoder.
@Suite struct AutoencoderFolderTests {
  /// Writes the golden autoencoder in two files.
  private func writeHalves(to path: String) throws {
    try Folder.make(path)
    let weights = try GoldenValues("autoencoder-tiny").weights.sorted { $0.key < $1.key }
    for half in ["encoder", "decoder"] {
      try CheckpointWriter.write(
        weights.filter { $0.key.hasPrefix(half) }.map { ($0.key, $0.value) },
        to: "\(path)/\(half).safetensors")
    }
  }

  @Test func isInspectedAndConvertedAsOne() throws {
    try withTemporaryFolder { folder in
      try writeHalves(to: folder + "/halves")
      let inspected = try dit(["inspect", "halves", "--json"], in: folder)
      #expect(inspected.status == 0, "\(inspected.errors)")
      let json = try JSONSerialization.jsonObject(with: Data(inspected.output.utf8))
      let report = try #require(json as? [String: Any])
      #expect(report["kind"] as? String == "TinyAutoencoder")
      #expect(report["file"] as? String == "halves")
      let config = try #require(report["config"] as? [String: Any])
      #expect(config["encoder"] as? Bool == true && config["decoder"] as? Bool == true)
      #expect(
        report["notes"] as? [String]
          == ["the encoder is 'encoder.safetensors'", "the decoder is 'decoder.safetensors'"])
      let names = try #require(report["tensors"] as? [[String: Any]]).map { $0["name"] as? String }
      #expect(try Set(names) == Set(GoldenValues("autoencoder-tiny").weights.keys))
      let text = try dit(["inspect", "halves/"], in: folder).output
      #expect(text.contains("encoder           true\n") && text.contains("\ndecoder."), "\(text)")

      let converted = try dit(
        ["convert", "--source", "halves", "--target", "whole.safetensors"], in: folder)
      #expect(converted.status == 0, "\(converted.errors)")
      #expect(try weights(folder + "/whole.safetensors").count == names.count)
      try Folder.make(folder + "/empty")
      let empty = try dit(["inspect", "empty"], in: folder)
      #expect(empty.status == 1)
      #expect(empty.errors.contains("'empty': it is a folder in which no file"), "\(empty.errors)")
    }
  }

  @Test func servesTrainingEncodingAndSampling() throws {
    try withEncodingFolder { folder in
      try folder.addImages(4)
      try writeHalves(to: folder.path + "/halves")
      let images = ["--data-path", "images", "--sample-interval", "4", "--vae-checkpoint"]
      let alone = try folder.train(images + ["halves/encoder.safetensors"], run: "alone")
      #expect(alone.status == 64, "\(alone.errors)")
      #expect(
        alone.errors.contains("need the decoder, which 'halves/encoder.safetensors' lacks"),
        "\(alone.errors)")
      #expect(!Folder.exists(folder.path + "/alone"))

      let losses = try folder.losses(images + ["halves"], run: "run")
      #expect(Folder.hasFile(folder.path + "/run/samples/step-000004.png"))
      #expect(try losses == folder.losses(images + ["tiny.st"], run: "whole"))

      let cache = try folder.encode(["--vae-checkpoint", "halves"])
      #expect(cache.status == 0, "\(cache.errors)")
      #expect(try folder.encode(to: "whole-cache").status == 0)
      // The manifests name the autoencoders' files.
      let caches = try ["cache", "whole-cache"].map {
        try folder.content($0).filter { $0.key != "manifest.json" }
      }
      #expect(caches[0] == caches[1] && !caches[0].isEmpty)

      let sample = try dit(
        [
          "sample", "--dit-checkpoint", "run/checkpoints/latest", "--vae-checkpoint", "halves",
          "--sampling-steps", "1", "--class-labels", "a", "--output-path", "out",
        ], in: folder.path)
      #expect(sample.status == 0, "\(sample.errors)")
    }
  }
}
