internal import Checkpoint
internal import Diffusion
internal import Pipeline
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct FamilyTests {
  /// The built-in model in a file that does not tell its family.
  private static func write(
    _ path: String, metadata: [String: String] = [:], adding others: [String] = []
  ) throws {
    let checkpoint = try EmbeddedModel.checkpoint()
    try CheckpointWriter.write(
      checkpoint.stateDict.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        + others.map { ($0, Tensor.zeros([4, 4])) },
      metadata: checkpoint.metadata.filter { !FamilyFinding.keys.contains($0.key) }
        .merging(metadata) { $1 }, to: path)
  }

  private static func state(_ path: String) throws -> DiTState {
    try DiTState(Checkpoint.openModel(path), imageSize: 128)
  }

  private static let flowMetadata = FamilyFinding.metadata(of: .flow(Flow(.gvp, .noise)))

  /// A name alone makes a flow of a file only if it is that of a published one.
  @Test(arguments: [
    ("SiT-XL-2-256.safetensors", ModelFamily.sit), ("SiT-XL-2-256x256.safetensors", .sit),
    ("sit-b-4.safetensors", .sit), ("sit-down.safetensors", .dit),
    ("sit-s-of-dogs.safetensors", .dit), ("sit-xl-28.safetensors", .dit),
    ("my-SiT-XL-2-256.safetensors", .dit),
  ])
  func goesByThePublishedName(_ name: String, _ family: ModelFamily) throws {
    try withTemporaryFolder { folder in
      try Self.write(folder + "/" + name)
      let found = try Self.state(folder + "/" + name).family
      #expect(found.family == family)
      #expect(found.source == (family == .sit ? .fileName : .fallback))
    }
  }

  /// What the training scripts of SiT and REPA leave in their checkpoints.
  @Test(arguments: [
    (["path_type": "GVP", "prediction": "noise"], ModelFamily.sit, Flow(.gvp, .noise)),
    (["model": "SiT-XL/2"], .sit, Flow()),
    (["path_type": "cosine", "prediction": "v", "enc_type": "dinov2"], .repa, Flow(.gvp)),
  ])
  func goesByTheArgumentsOfItsTraining(
    _ arguments: [String: String], _ family: ModelFamily, _ flow: Flow
  ) throws {
    try withTemporaryFolder { folder in
      let path = folder + "/0000010.safetensors"
      let metadata = Dictionary(uniqueKeysWithValues: arguments.map { ("args." + $0, $1) })
      try Self.write(path, metadata: metadata)
      let found = try Self.state(path).family
      #expect(found.family == family && found.flow == flow && found.source == .arguments)
      try Self.write(path, metadata: ["args.model": "DiT-XL/2"])
      #expect(try Self.state(path).family.source == .fallback)
    }
  }

  @Test func goesByMetadataThenByParts() throws {
    try withTemporaryFolder { folder in
      let (own, repa) = (folder + "/SiT-XL-2-256.safetensors", folder + "/repa.safetensors")
      try Self.write(own, metadata: ["family": "dit"])
      #expect(try Self.state(own).family.source == .metadata)
      #expect(try Self.state(own).family.family == .dit)
      try Self.write(repa, adding: ["projectors.0.0.weight"])
      let state = try Self.state(repa)
      #expect(state.family.family == .repa && state.family.source == .parts)
      #expect(state.tensors["projectors.0.0.weight"] == nil)
      try Self.write(own, metadata: Self.flowMetadata)
      #expect(try Self.state(own).family.flow == Flow(.gvp, .noise))
      try Self.write(own, metadata: ["family": "unknown"])
      let error = #expect(throws: PipelineError.self) { try Self.state(own) }
      #expect(error?.message.contains("'unknown'; known are dit, sit, repa") == true)
    }
  }
}
