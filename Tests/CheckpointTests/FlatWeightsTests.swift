internal import Checkpoint
internal import TestSupport
internal import Testing
internal import Torch

/// Names with the parts of wrappers, and sets of weights apart by their names, in every format.
@Suite struct FlatWeightsTests {
  private static let model = [
    "pos_embed", "x_embedder.proj.weight", "blocks.0.attn.qkv.weight", "blocks.1.attn.qkv.weight",
  ]

  private static func tensors(
    _ value: Double, _ names: [String] = model, _ rename: (String) -> String = { $0 }
  ) -> [(name: String, tensor: Tensor)] {
    names.map { (rename($0), Tensor.full([2], value)) }
  }

  /// The names and first numbers after a file is written and opened.
  private static func opened(
    _ tensors: [(name: String, tensor: Tensor)], _ weights: WeightSet = .automatic,
    formats: [CheckpointFormat] = CheckpointFormat.allCases
  ) throws -> [(values: [String: Float], notes: [CheckpointNote])] {
    try withTemporaryFolder { folder in
      try formats.map { format in
        let path = folder + "/file"
        try CheckpointWriter.write(tensors, as: format, to: path)
        let file = try Checkpoint.open(path, weights: weights)
        return (file.stateDict.mapValues { $0.elements(Float.self)[0] }, file.notes)
      }
    }
  }

  @Test(arguments: [
    "module.", "_orig_mod.", "module._orig_mod.", "_forward_module.module.",
    "_fsdp_wrapped_module._checkpoint_wrapped_module.",
  ])
  func wrappersAreTakenOffTheFront(prefix: String) throws {
    for file in try Self.opened(Self.tensors(1) { prefix + $0 }) {
      #expect(Set(file.values.keys) == Set(Self.model))
      #expect(file.notes.contains(.removedPrefix(prefix.prefix { $0 != "." } + ".")))
    }
  }

  @Test(arguments: [
    "_orig_mod", "_fsdp_wrapped_module", "module", "_checkpoint_wrapped_module", "_backbone",
    "_network",
  ])
  func wrappersAreTakenOutOfTheMiddle(part: String) throws {
    let tensors = Self.tensors(1) { $0.replacing(".attn", with: ".\(part).attn") }
    for file in try Self.opened(tensors) {
      #expect(Set(file.values.keys) == Set(Self.model))
      #expect(file.notes == [.removedParts([part])])
    }
  }

  @Test func namesStayIfTwoWouldBecomeEqual() throws {
    let tensors = Self.tensors(1) + Self.tensors(2) { "module." + $0 }
    for file in try Self.opened(tensors) { #expect(file.values.count == 8 && file.notes.isEmpty) }
  }

  @Test(arguments: ["ema.", "ema_model.", "model_ema.", "network_ema.", "ema.module."])
  func averagesAreTakenBesideOthers(prefix: String) throws {
    for last in ["", "model.", "online_model.", "a.b."] {
      let tensors = Self.tensors(1) { last + $0 } + Self.tensors(2) { prefix + $0 }
      for file in try Self.opened(tensors) {
        #expect(file.values == Dictionary(uniqueKeysWithValues: Self.model.map { ($0, 2) }))
      }
      for file in try Self.opened(tensors, .last) {
        #expect(Set(file.values.values) == [1] && file.values.count == 4)
      }
      for file in try Self.opened(tensors, .all) { #expect(file.values.count == 8) }
    }
  }

  @Test func aNumberIsNoSetOfAverages() throws {
    for number in ["ema_decay", "ema_steps", "ema_start", "swa_n"] {
      let tensors =
        [(number, Tensor.full([], 0.5))] + Self.tensors(1) + Self.tensors(2) { "ema." + $0 }
      for file in try Self.opened(tensors) {
        #expect(file.values == Dictionary(uniqueKeysWithValues: Self.model.map { ($0, 2) }))
        let sets = file.notes.filter { if case .otherAverages = $0 { true } else { false } }
        #expect(sets.isEmpty, "\(file.notes)")
        let took = CheckpointNote.tookStateDict(
          keys: ["ema"], isAveraged: true, leftOut: [number])
        #expect(file.notes.contains(took), "\(file.notes)")
      }
    }
  }

  @Test func averagesThatFitEquallyAreNamed() throws {
    let last = Self.tensors(1) { "model." + $0 }
    let slow = Self.tensors(2) { "ema_slow." + $0 }
    let fast = Self.tensors(3) { "ema_fast." + $0 }
    let error = try #require(
      #expect(throws: CheckpointError.self) { try Self.opened(last + slow + fast) })
    #expect(error.message.contains("'ema_slow', 'ema_fast'"), "\(error)")
    for file in try Self.opened(last + slow + fast, .last) {
      #expect(Set(file.values.values) == [1])
    }
    let usual = Self.tensors(4) { "ema." + $0 }
    for file in try Self.opened(last + slow + usual) {
      #expect(Set(file.values.values) == [4])
      #expect(file.notes.contains(.otherAverages(["ema_slow"])), "\(file.notes)")
    }
  }

  @Test func aPartOfTheModelThatSoundsSoStays() throws {
    let names =
      Self.model + [
        "blocks.0.ema.weight", "ema_proj.weight", "ema_proj.bias", "ema_proj.scale",
      ]
    for file in try Self.opened(Self.tensors(1, names)) {
      #expect(Set(file.values.keys) == Set(names) && file.notes.isEmpty)
    }
  }

  @Test func aTrainingOfMindSporeGivesTheAverage() throws {
    let trained = Array(Self.model.dropFirst())
    let numbers = [
      ("loss_scale", Tensor.full([], 65536)), ("beta1_power", Tensor.full([1], 0.5)),
      ("updates", Tensor.full([], 3)),
    ]
    for inner in ["", "network."] {
      let rest =
        Self.tensors(1) { "network." + $0 } + Self.tensors(0, trained) { "adam_m." + inner + $0 }
        + Self.tensors(0, trained) { "adam_v." + inner + $0 } + numbers
      let average = Self.tensors(2, trained) { "ema." + inner + $0 }
      let whole = try Self.opened(rest + average, formats: [.mindspore])[0]
      let expected = Self.model.map { ($0, Float($0 == "pos_embed" ? 1 : 2)) }
      #expect(whole.values == Dictionary(uniqueKeysWithValues: expected))
      #expect(whole.notes.contains(.leftOutOptimizer(["adam_m.*", "adam_v.*"])))
      let last = try Self.opened(rest, formats: [.mindspore])[0]
      #expect(last.notes.contains(.leftOutOptimizer(["adam_m.*", "adam_v.*"])))
      #expect(
        last.values.filter { Self.model.contains($0.key) }
          == Dictionary(uniqueKeysWithValues: Self.model.map { ($0, 1) }))
    }
  }

  @Test func anOptimizersOwnFileIsKept() throws {
    let tensors = Self.tensors(1) { "exp_avg." + $0 } + Self.tensors(2) { "exp_avg_sq." + $0 }
    for file in try Self.opened(tensors) { #expect(file.values.count == 8) }
  }
}
