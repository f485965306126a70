internal import Checkpoint
internal import Files
internal import Foundation
internal import Inference
internal import Models
internal import Pipeline
internal import TestSupport
internal import Testing
internal import Torch

/// What a run's checkpoint knows of its autoencoder.
@Suite struct RunAutoencoderTests {
  /// Writes the golden DiT as a run does, and the golden autoencoder: dit.safetensors, vae.safetensors.
  private static func write(
    to folder: String, changing change: (inout RunAutoencoder) -> Void = { _ in }
  ) throws {
    let vae = folder + "/vae.safetensors"
    try CheckpointWriter.write(
      try GoldenValues("autoencoder-kl").weights.map { ($0.key, $0.value) }, to: vae)
    let state = try AutoencoderState(Checkpoint.open(vae))
    var autoencoder = RunAutoencoder(
      path: vae, kind: state.kind, checksum: state.encoderChecksum,
      scaling: LatentScaling(factor: 0.25),
      downsamplingFactor: 2)
    change(&autoencoder)
    try CheckpointWriter.write(
      try GoldenValues("dit-even").weights.map { ($0.key, $0.value) },
      metadata: ["num_heads": "2", RunAutoencoder.key: autoencoder.text],
      to: folder + "/dit.safetensors")
  }

  private static func open(
    _ folder: String, _ choice: AutoencoderChoice = .automatic
  ) throws -> (LatentDiffusionPipeline, [String]) {
    let log = LogLines()
    let pipeline = try LatentDiffusionPipeline(
      PipelineConfig(
        ditCheckpoint: folder + "/dit.safetensors", autoencoder: choice, precision: .fp32),
      logger: log.logger)
    return (pipeline, log.lines)
  }

  @Test func isUsedWithItsScaleFactor() throws {
    try withTemporaryFolder { folder in
      try RunAutoencoderTests.write(to: folder)
      let vae = folder + "/vae.safetensors"
      for choice in [AutoencoderChoice.automatic, .file(vae)] {
        let (pipeline, lines) = try RunAutoencoderTests.open(folder, choice)
        #expect(pipeline.autoencoder == .file(vae) && pipeline.imageSize == 16)
        #expect(pipeline.scaleFactor == 0.25 && pipeline.makesImages)
        #expect(
          lines.contains { $0.contains("as the training run noted") } == (choice == .automatic))
        #expect(!lines.contains { $0.contains("trained on") || $0.contains("scale factor") })
      }
      let (latents, _) = try RunAutoencoderTests.open(folder, .none)
      #expect(!latents.makesImages)
    }
  }

  @Test func saysThatItIsGone() throws {
    try withTemporaryFolder { folder in
      try RunAutoencoderTests.write(to: folder)
      try Folder.remove(folder + "/vae.safetensors")
      let gone = try #require(
        #expect(throws: PipelineError.self) { try RunAutoencoderTests.open(folder) })
      #expect(gone.reason == .missingAutoencoder && gone.message.contains("not there any more"))
      try RunAutoencoderTests.write(to: folder) { $0.path = nil }
      let unknown = try #require(
        #expect(throws: PipelineError.self) { try RunAutoencoderTests.open(folder) })
      #expect(unknown.reason == .missingAutoencoder && unknown.message.contains("AutoencoderKL "))
    }
  }

  @Test func isToldFromAnother() throws {
    try withTemporaryFolder { folder in
      try RunAutoencoderTests.write(to: folder) { $0.checksum = "00000000" }
      let (pipeline, lines) = try RunAutoencoderTests.open(folder)
      #expect(lines.contains { $0.contains("trained on latents of AutoencoderKL 00000000") })
      #expect(pipeline.scaleFactor == 0.18215)
      try RunAutoencoderTests.write(to: folder) { $0.downsamplingFactor = 8 }
      let error = try #require(
        #expect(throws: PipelineError.self) { try RunAutoencoderTests.open(folder) })
      #expect(error.message.contains("1 / 2") && error.message.contains("1 / 8"), "\(error)")
    }
  }

  @Test func losesItsPathWhereFilesGoElsewhere() throws {
    let own = RunAutoencoder(
      path: "vae", kind: "AutoencoderKL", checksum: "1", scaling: LatentScaling(),
      downsamplingFactor: 8)
    #expect(own.path?.hasPrefix("/") == true && own.withoutPath.path == nil)
    #expect(RunAutoencoder(metadata: [RunAutoencoder.key: own.text]) == own)
    for text in ["", "{}", "none", #"{"kind": 1}"#] {
      #expect(RunAutoencoder(metadata: [RunAutoencoder.key: text]) == nil)
    }
  }
}
