internal import Checkpoint
internal import Models
internal import Pipeline
internal import TestSupport
internal import Testing
internal import Torch

/// Models among other tensors, under prefixes of names.
@Suite struct ModelPartTests {
  private typealias Tensors = [(name: String, tensor: Tensor)]

  /// A golden model's parameters under other names.
  private func model(_ name: String, _ prefix: String = "") throws -> Tensors {
    try GoldenValues(name).weights.sorted { $0.key < $1.key }.map { (prefix + $0.key, $0.value) }
  }

  /// Writes and opens a file.
  private func file<Result>(
    _ tensors: Tensors, as format: CheckpointFormat = .safetensors,
    _ body: (Checkpoint) throws -> Result
  ) throws -> Result {
    try withTemporaryFolder { folder in
      try CheckpointWriter.write(
        tensors, as: format, metadata: ["num_heads": "2"], to: folder + "/file")
      return try body(Checkpoint.open(folder + "/file"))
    }
  }

  private let extra: Tensors = [("loss.logvar", .zeros([3])), ("loss.scale", .zeros([2]))]

  @Test(arguments: ["model.", "net.diffusion_model.", "transformer."])
  func aPrefixIsTakenOff(prefix: String) throws {
    for format in CheckpointFormat.allCases {
      let (config, findings) = try file(model("dit-even", prefix) + extra, as: format) {
        let state = try DiTState($0)
        return (state.config, state.findings)
      }
      #expect(try config == GoldenValues("dit-even").config.model)
      #expect(findings == [.removedPrefix(prefix, leftOut: ["loss.*"])])
    }
  }

  @Test func aModelWithoutPrefixHasNothingElse() throws {
    let error = try #require(
      #expect(throws: PipelineError.self) {
        try file(model("dit-even") + extra) { try DiTState($0) }
      })
    #expect(error.message.contains("2 unexpected: loss.logvar, loss.scale"), "\(error)")
  }

  @Test func twoModelsAreNamed() throws {
    let error = try #require(
      #expect(throws: PipelineError.self) {
        try file(model("dit-even", "student.") + model("dit-even", "teacher.")) {
          try DiTState($0)
        }
      })
    #expect(error.message.contains("2 DiTs, under 'student.', 'teacher.'"), "\(error)")
  }

  @Test func anotherModelsFirstNamesAreShown() throws {
    let error = try #require(
      #expect(throws: PipelineError.self) { try file(extra) { try DiTState($0) } })
    #expect(error.message.contains("names are 'loss.logvar', 'loss.scale'"), "\(error)")
  }

  @Test func numbersBesideTheWeightsAreLeftOut() throws {
    let numbers: Tensors = [("loss_scale", .full([], 65536)), ("cur_step", .full([], 3))]
    for (format, own) in [(CheckpointFormat.mindspore, "any"), (.safetensors, "epoch")] {
      let names = try file(
        model("dit-even", "network.") + numbers + [(own, .full([], 1))], as: format
      ) { try DiTState($0).findings }
      #expect(names.contains(.leftOutNumbers(["loss_scale", "cur_step", own])), "\(names)")
    }
    // A single number may be part of a model of another kind.
    #expect(throws: PipelineError.self) {
      try file(model("dit-even") + [("gain", .full([], 2))]) { try DiTState($0) }
    }
  }

  @Test func anAutoencodersPrefixIsTakenOff() throws {
    for (name, prefix) in [("autoencoder-kl", "vae."), ("autoencoder-tiny", "model.vae.")] {
      try file(model(name, prefix) + extra) { checkpoint in
        let state = try AutoencoderState(checkpoint)
        #expect(state.findings == [.removedPrefix(prefix, leftOut: ["loss.*"])])
        #expect(try Set(state.names) == Set(GoldenValues(name).weights.keys))
        guard case .autoencoder = try CheckpointContent(checkpoint) else {
          Issue.record("no autoencoder")
          return
        }
      }
    }
  }

  @Test func aTableWithoutNullClassIsFoundByClassNames() throws {
    let rows = try GoldenValues("dit-even").config.model.classRowCount
    try withTemporaryFolder { folder in
      let path = folder + "/file"
      for (count, hasNull) in [(rows, false), (rows - 1, true), (rows + 5, true)] {
        let names = ClassNameList.encode((0..<count).map { "class \($0)" })
        try CheckpointWriter.write(
          model("dit-even"), metadata: ["num_heads": "2", "class_names": names], to: path)
        let state = try DiTState(Checkpoint.open(path))
        #expect(state.config.hasNullClass == hasNull && state.config.classRowCount == rows)
        #expect(state.findings == (hasNull ? [] : [.noNullClass(classCount: rows)]))
      }
    }
  }
}
