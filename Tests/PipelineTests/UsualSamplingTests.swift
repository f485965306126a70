internal import Checkpoint
internal import Diffusion
internal import Pipeline
internal import TestSupport
internal import Testing
internal import Torch

/// The settings that a file names for its model.
@Suite struct UsualSamplingTests {
  private static let usual = UsualSampling(
    SamplingOptions(
      sampler: .heun, stepCount: 4,
      guidance: Guidance(scale: 1.5, channels: .all, interval: GuidanceInterval(from: 0.1, to: 1))),
    classLabels: "3,1")

  private static var process: DiffusionProcess {
    var process = DiffusionProcess.flow()
    process.usualOptions = usual.options
    return process
  }

  @Test func holdWhereNothingIsChosen() {
    let settled = SamplingOptions().settled(for: Self.process)
    #expect(settled.sampler.name == "heun" && settled.stepCount == 4)
    #expect(settled.guidance.scale == 1.5 && settled.guidance.channels == .all)
    #expect(settled.guidance.interval == GuidanceInterval(from: 0.1, to: 1))
    #expect(settled.settled(for: Self.process) == settled)
  }

  /// The steps are those of the sampler that the file names.
  @Test func giveWayToAChoice() {
    let options = SamplingOptions(
      sampler: .euler, guidance: Guidance(scale: 3))
    let settled = options.settled(for: Self.process)
    #expect(settled.sampler.name == "euler" && settled.stepCount == 50)
    #expect(settled.guidance.scale == 3 && settled.guidance.channels == .all)
    #expect(SamplingOptions(stepCount: 9).settled(for: Self.process).stepCount == 9)
  }

  /// Steps without a sampler are those of the family's.
  @Test func nameStepsAlone() {
    var process = DiffusionProcess.flow()
    process.usualOptions = SamplingOptions(stepCount: 7)
    #expect(SamplingOptions().settled(for: process).stepCount == 7)
    let euler = SamplingOptions(sampler: .euler)
    #expect(euler.settled(for: process).stepCount == 50)
  }

  /// The built-in model as a flow, in a file with these settings.
  private static func pipeline(
    _ folder: String, _ metadata: [String: String], family: ModelFamily? = nil
  ) throws -> LatentDiffusionPipeline {
    let path = folder + "/model.safetensors"
    let checkpoint = try EmbeddedModel.checkpoint()
    let own = checkpoint.metadata.merging(FamilyFinding.metadata(of: .flow())) { $1 }
    try CheckpointWriter.write(
      checkpoint.stateDict.sorted { $0.key < $1.key }.map { ($0.key, $0.value) },
      metadata: own.merging(metadata) { $1 }, to: path)
    var config = PipelineConfig(ditCheckpoint: path, autoencoder: .none)
    config.family = family
    return try LatentDiffusionPipeline(config)
  }

  @Test func areReadFromAFile() throws {
    try withTemporaryFolder { folder in
      let pipeline = try Self.pipeline(folder, Self.usual.metadata)
      #expect(pipeline.process.usualOptions == Self.usual.options)
      #expect(pipeline.classNames.defaultLabels == [3, 1])
      // Another family has other times and guidance.
      let other = try Self.pipeline(folder, Self.usual.metadata, family: .repa)
      #expect(other.process.usualOptions == SamplingOptions())
      #expect(other.classNames.defaultLabels.first == 0)
    }
  }

  @Test(arguments: [
    ("heun", "no JSON object"), ("[1]", "no JSON object"),
    (#"{"seed":1}"#, "the key 'seed'; known are sampler, sampling_steps"),
    (#"{"sampler":"quick"}"#, "unknown sampler 'quick'"),
    (#"{"sampling_steps":"many"}"#, "'sampling_steps'"),
    (#"{"sampling_steps":0}"#, "0 steps"), (#"{"sampling_steps":1001}"#, "1001 steps"),
    (#"{"guidance_scale":1e9}"#, "guidance 1000000000"), (#"{"class_labels":[1]}"#, "class_labels"),
    (#"{"class_labels":"unicorn of glass"}"#, "no class is called 'unicorn of glass'"),
  ])
  func refusesOthers(_ text: String, _ message: String) throws {
    try withTemporaryFolder { folder in
      let error = #expect(throws: PipelineError.self) {
        try Self.pipeline(folder, [UsualSampling.key: text])
      }
      #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    }
  }
}
