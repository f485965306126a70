internal import Checkpoint
internal import Files
internal import Foundation
internal import TestSupport
internal import Testing
internal import Torch

/// The autoencoder that a run was trained with, in `dit sample`.
@Suite struct OwnAutoencoderTests {
  private static let model = [
    "train", "--image-size", "32", "--hidden-size", "32", "--depth", "1", "--num-heads", "2",
    "--patch-size", "4", "--train-batch-size", "4", "--max-steps", "1", "--step-mode",
  ]

  private static func sample(
    _ run: String, _ more: [String] = [], in folder: EncodingFolder
  ) throws -> ProgramResult {
    try dit(
      [
        "sample", "--dit-checkpoint", run, "--class-labels", "1", "--sampling-steps", "1",
        "--precision", "fp32", "--force", "--output-path", "out",
      ] + more, in: folder.path)
  }

  @Test func isKnownToARunOfImagesAndOfACache() throws {
    try withEncodingFolder { folder in
      try folder.addImages(8)
      #expect(try folder.encode(vae: "kl").status == 0)
      let runs = [
        ("images", ["--data-path", "images", "--vae-checkpoint", "kl.st"]),
        ("cached", ["--data-path", "cache", "--sd-scale-factor", "0.5"]),
      ]
      for (run, data) in runs {
        let trained = try dit(
          OwnAutoencoderTests.model + data + ["--output-path", run], in: folder.path)
        #expect(trained.status == 0, "\(trained.errors)")
        let own = try OwnAutoencoderTests.sample(run, in: folder)
        #expect(own.status == 0 && own.errors.contains("as the training run noted"))
        let fields = try jsonRecord(folder.path + "/out/sample.json")
        #expect((fields["vae_checkpoint"] as? String)?.hasSuffix("/kl.st") == true)
        #expect(fields["sd_scale_factor"] as? Double == (run == "cached" ? 0.5 : 0.18215))
      }
      // Of another size.
      let other = try OwnAutoencoderTests.sample(
        "images", ["--vae-checkpoint", "tiny.st"], in: folder)
      #expect(other.status == 1 && other.errors.contains("do not belong together"))
      // A converted file does not tell the paths of this machine.
      #expect(try dit(["convert", "-s", "images", "-t", "dit.pt"], in: folder.path).status == 0)
      let text = try Checkpoint.open(folder.path + "/dit.pt").metadata["autoencoder"]
      #expect(text?.contains("AutoencoderKL") == true && text?.contains("kl.st") == false)
      let converted = try OwnAutoencoderTests.sample("dit.pt", in: folder)
      #expect(converted.status == 64 && converted.errors.contains("those of AutoencoderKL"))
      try folder.remove("kl.st")
      let gone = try OwnAutoencoderTests.sample("images", in: folder)
      #expect(gone.status == 64 && gone.errors.contains("is not there any more"), "\(gone.errors)")
    }
  }
}
