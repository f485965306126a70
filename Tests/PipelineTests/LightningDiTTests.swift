internal import Checkpoint
internal import Diffusion
internal import Inference
internal import Models
internal import Pipeline
internal import TestSupport
internal import Testing
internal import Torch

/// Files with LightningDiT's names, as its training writes them: the tables of rotations are buffers.
@Suite struct LightningDiTTests {
  private static func write(
    to path: String, change: (inout [String: Tensor]) -> Void = { _ in },
    metadata: [String: String] = [:]
  ) throws -> GoldenValues {
    let values = try GoldenValues("blocks/lightning")
    var state = try LightningFiles.model
    change(&state)
    let tensors = state.map { (name: "module." + $0.key, tensor: $0.value) }
    try CheckpointWriter.write(tensors.sorted { $0.name < $1.name }, metadata: metadata, to: path)
    return values
  }

  @Test(arguments: ExecutionMode.allCases) func loadsStrictly(_ mode: ExecutionMode) throws {
    try withTemporaryFolder { folder in
      let path = folder + "/x.safetensors"
      let values = try Self.write(to: path)
      let state = try DiTState(try Checkpoint.open(path))
      #expect(state.config == (try values.config.model))
      #expect(state.config.block == .lightning && state.headCountSource == .rotations)
      #expect(state.family.family == .lightningdit && state.family.source == .rotations)
      #expect(state.findings.contains(.leftOutTables("feat_rope.*")))
      #expect(try state.names == values.config.order)
      let pipeline = try LatentDiffusionPipeline(
        PipelineConfig(
          ditCheckpoint: path, autoencoder: .none, precision: .fp32, mode: mode))
      let options = SamplingOptions(sampler: .euler, stepCount: 2, guidance: Guidance(scale: 1))
      let latents = try pipeline.samplingLoop(
        labels: [2], options: options, generator: try pipeline.makeGenerator(seed: 7)
      ).run()
      #expect(latents.shape == [1, 8, 4, 4] && latents.isFinite.allTrue)
    }
  }

  private func message(
    _ metadata: [String: String] = [:], _ change: (inout [String: Tensor]) -> Void
  ) throws -> String {
    try withTemporaryFolder { folder in
      let path = folder + "/x.safetensors"
      _ = try Self.write(to: path, change: change, metadata: metadata)
      let error = #expect(throws: PipelineError.self) { try DiTState(try Checkpoint.open(path)) }
      return try #require(error).message
    }
  }

  @Test func refusesOtherFiles() throws {
    let table = "feat_rope.freqs_sin"
    #expect(try message { $0[table] = $0[table].map { $0 * 0.5 } }.contains("other rotations"))
    #expect(try message { $0[table] = .zeros([3, 12]) }.contains("no table of rotations"))
    #expect(try message { $0["feat_rope.x"] = .zeros([1]) }.contains("no table of rotations"))
    #expect(try message(["positions": "sines"]) { _ in }.contains("name other positions"))
    #expect(
      try message { $0["blocks.1.norm2.weight"] = nil }.contains("missing: blocks.1.norm2.weight"))
    #expect(
      try message { $0["blocks.1.mlp.w3.bias"] = .zeros([25]) }.contains("blocks.1.mlp.w3.bias"))
    #expect(try message { $0["blocks.0.mlp.w12.weight"] = .zeros([63, 24]) }.contains("not a DiT"))
    // LightningDiT without shifts.
    let short = "blocks.0.adaLN_modulation.1.weight"
    #expect(try message { $0[short] = .zeros([96, 24]) }.contains(short))
  }
}
