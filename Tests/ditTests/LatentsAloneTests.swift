internal import Checkpoint
internal import Files
internal import Foundation
internal import TestSupport
internal import Testing
internal import Torch

/// `dit sample --vae-checkpoint none --save-latents F` on a model of latents.
@Suite struct LatentsAloneTests {
  private static func writeModel(to folder: String) throws {
    try CheckpointWriter.write(
      try GoldenValues("dit-even").weights.map { ($0.key, $0.value) },
      metadata: ["num_heads": "2"], to: folder + "/dit.st")
    try CheckpointWriter.write(
      try GoldenValues("autoencoder-kl").weights.map { ($0.key, $0.value) },
      to: folder + "/vae.st")
  }

  private static let arguments = [
    "sample", "--dit-checkpoint", "dit.st", "--class-labels", "1,2", "--batch-size", "1",
    "--sampling-steps", "2", "--precision", "fp32",
  ]

  @Test func areThoseOfARunWithImages() throws {
    try withTemporaryFolder { folder in
      try LatentsAloneTests.writeModel(to: folder)
      let none = ["--vae-checkpoint", "none", "--save-latents"]
      let alone = try dit(LatentsAloneTests.arguments + none + ["a.st"], in: folder)
      #expect(alone.status == 0 && alone.output == "a.st\n", "\(alone.errors)")
      #expect(alone.errors.contains("latents alone, 8 x 8, of 2 images in 2 batches"))
      #expect(try Folder.names(in: folder) == ["a.st", "dit.st", "vae.st"])
      let images = try dit(
        LatentsAloneTests.arguments + [
          "--vae-checkpoint", "vae.st", "--save-latents", "b.st", "--output-path", "out",
        ], in: folder)
      #expect(images.status == 0, "\(images.errors)")
      let (a, b) = (try Checkpoint.open(folder + "/a.st"), try Checkpoint.open(folder + "/b.st"))
      let latents = try #require(a.tensor("latents"))
      #expect(latents.shape == [2, 4, 8, 8] && a.metadata == b.metadata)
      #expect(relativeError(latents, try #require(b.tensor("latents"))) == 0)
      // A folder that is named gets the record alone; it can be given back.
      let record = try dit(
        LatentsAloneTests.arguments + none + ["c.st", "--output-path", "record"], in: folder)
      #expect(record.status == 0, "\(record.errors)")
      #expect(try Folder.names(in: folder + "/record") == ["sample.json"])
      let again = try dit(
        ["sample", "-c", "record/sample.json", "--save-latents", "d.st"], in: folder)
      #expect(again.status == 0, "\(again.errors)")
      let repeated = try #require(try Checkpoint.open(folder + "/d.st").tensor("latents"))
      #expect(relativeError(repeated, latents) == 0)
    }
  }

  @Test(arguments: [
    (["--vae-checkpoint", "none"], 64, "give --save-latents FILE"),
    (["--save-latents", "a.st"], 64, "name the file of its autoencoder"),
    (["--vae-checkpoint", "none", "--save-latents", "dit.st"], 64, "would be overwritten"),
    (["--vae-checkpoint", "none", "--save-latents", "no/a.st"], 1, "no/a.st"),
    (["--vae-checkpoint", "none", "--npz", "a.npz"], 64, "latents of 4 channels"),
  ]) func explainsWhatCannotBe(_ more: [String], _ status: Int, _ hint: String) throws {
    try withTemporaryFolder { folder in
      try LatentsAloneTests.writeModel(to: folder)
      let result = try dit(LatentsAloneTests.arguments + more, in: folder)
      #expect(result.status == status && result.errors.contains(hint), "\(result.errors)")
      #expect(try Folder.names(in: folder) == ["dit.st", "vae.st"])
    }
  }
}
