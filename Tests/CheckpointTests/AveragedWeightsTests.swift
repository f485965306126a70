internal import Checkpoint
internal import Testing

/// Averaged weights under the names that trainers give them, in PyTorch files.
@Suite struct AveragedWeightsTests {
  /// Names and shapes of a small model, as the published code orders them.
  private static let model = [
    ("pos_embed", [1, 4]), ("x_embedder.proj.weight", [4, 2]), ("blocks.0.mlp.fc1.weight", [2, 4]),
    ("blocks.1.mlp.fc1.weight", [2, 4]), ("final_layer.linear.bias", [4]),
  ]
  private static let trained = Array(model.dropFirst())
  /// The first number of each set in the storage.
  private static let (last, average, other) = (0, 100, 200)

  private static func tensor(_ shape: [Int], at offset: Int) -> [UInt8] {
    let strides = shape.count == 2 ? [shape[1], 1] : [1]
    return PickleBytes.tensor(shape, strides: strides, offset: offset, count: 256)
  }

  private static func number(_ value: Int) -> [UInt8] {
    PickleBytes.tensor([], strides: [], offset: value, count: 256)
  }

  private static func members(
    _ offset: Int, _ names: [(String, [Int])] = model, _ rename: (String) -> String = { $0 }
  ) -> [(String, [UInt8])] {
    names.map { (rename($0.0), tensor($0.1, at: offset)) }
  }

  private static func dict(
    _ offset: Int, _ names: [(String, [Int])] = model, _ rename: (String) -> String = { $0 }
  ) -> [UInt8] {
    PickleBytes.dict(members(offset, names, rename))
  }

  private static func list(_ offset: Int, _ names: [(String, [Int])] = model) -> [UInt8] {
    PickleBytes.list(names.map { tensor($0.1, at: offset) })
  }

  private static func open(_ members: [(String, [UInt8])]) throws -> OpenedBytes {
    try CheckpointTests.open(
      ZipBytes.checkpoint(
        pickle: PickleBytes.pickle(PickleBytes.dict(members)),
        storage: [UInt8](repeating: 0, count: 1024)
      ).bytes)
  }

  /// Expects the model's names, all with the numbers of one set but for some.
  private static func expect(
    _ file: OpenedBytes, _ offset: Int, except: [String: Int] = [:],
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(
      Set(file.entries.map(\.name)) == Set(model.map(\.0)), sourceLocation: sourceLocation)
    let start = (file.entries.map(\.byteOffset).min() ?? 0) / 4
    let base = start - min(offset, except.values.min() ?? offset)
    for entry in file.entries {
      #expect(
        entry.byteOffset / 4 - base == except[entry.name] ?? offset, "\(entry.name)",
        sourceLocation: sourceLocation)
    }
  }

  /// Whether the notes say that EMA weights were taken.
  private static func isAveraged(_ file: OpenedBytes) -> Bool {
    file.notes.contains { if case .tookStateDict(_, true, _) = $0 { true } else { false } }
  }

  @Test(arguments: [
    ("state_dict", "state_dict_ema"), ("model", "model_ema"), ("model", "ema_model"),
    ("state_dict", "ema_state_dict"), ("model", "ema"), ("net", "net_ema"), ("model", "emaModel"),
    ("model", "averaged_model"), ("model", "modelEMA"), ("module", "swa_state_dict"),
    ("weights", "polyak-weights"),
  ])
  func areFoundByName(last: String, average: String) throws {
    let file = try Self.open([
      (last, Self.dict(Self.last)), (average, Self.dict(Self.average)),
      ("optimizer", Self.dict(Self.other)), ("ema_decay", PickleBytes.none),
    ])
    Self.expect(file, Self.average)
    #expect(Self.isAveraged(file))
    #expect(file.notes.description.contains("'\(last)'"), "\(file.notes)")
  }

  @Test func doNotIncludeWhatOnlySoundsSo() throws {
    let file = try Self.open([
      ("model", Self.dict(Self.last)), ("ema_optimizer", Self.dict(Self.other)),
      ("exp_avg", Self.dict(Self.other)), ("schema", Self.dict(Self.other)),
      ("use_ema", PickleBytes.none),
    ])
    Self.expect(file, Self.last)
    #expect(!Self.isAveraged(file))
  }

  @Test func areTakenUnderTheUsualNameWhereThereAreSeveral() throws {
    let last = ("model", Self.dict(Self.last))
    for name in ["ema", "model_ema", "ema_state_dict", "EMA"] {
      let file = try Self.open([
        ("ema_0.999", Self.dict(Self.other)), last, (name, Self.dict(Self.average)),
      ])
      Self.expect(file, Self.average)
      #expect(file.notes.contains(.otherAverages(["ema_0.999"])))
      #expect(
        file.notes.contains(.tookStateDict(keys: [name], isAveraged: true, leftOut: ["model"])))
    }
    for names in [["ema_0.999", "ema_0.9999"], ["ema", "model_ema"], ["swa", "polyak", "avg"]] {
      let averages = zip(names, [Self.average, Self.other, Self.last]).map {
        ($0, Self.dict($1))
      }
      let error = try #require(
        #expect(throws: CheckpointError.self) { try Self.open([last] + averages) })
      #expect(error.reason == .severalAverages)
      for name in names { #expect(error.message.contains("'\(name)'"), "\(error)") }
    }
  }

  @Test func areTakenOnceWhereTwoNamesShareThem() throws {
    let shared = Self.dict(Self.average)
    let file = try Self.open([
      ("model", Self.dict(Self.last)), ("ema_a", shared), ("ema_b", shared),
    ])
    Self.expect(file, Self.average)
    #expect(!file.notes.contains { if case .otherAverages = $0 { true } else { false } })
  }

  @Test func areFoundBehindWhatOnlySoundsSo() throws {
    let history = PickleBytes.dict([
      ("train", tensor([4])), ("val", tensor([4])), ("test", tensor([3])),
    ])
    let list = PickleBytes.list([tensor([3]), tensor([3])])
    let scalars = PickleBytes.list([Self.number(1), Self.number(2)])
    for junk in [history, list, scalars] {
      for names in [["ema_losses", "ema_model"], ["avg_loss", "weights_ema"], ["ema", "ema_7"]] {
        for last in [[("model", Self.dict(Self.last))], []] {
          let file = try Self.open(
            [(names[0], junk)] + last + [(names[1], Self.dict(Self.average))])
          Self.expect(file, Self.average)
        }
        let file = try Self.open([(names[0], junk), ("model", Self.dict(Self.last))])
        Self.expect(file, Self.last)
      }
    }
  }

  private func tensor(_ shape: [Int]) -> [UInt8] { Self.tensor(shape, at: Self.other) }

  @Test(arguments: [
    ["optimizer_states", "0", "ema"], ["optimizer", "ema"],
    ["optimizer_states", "0", "ema_params"],
    ["optimizer_states", "1", "state", "ema"], ["optimizer", "ema_infos", "0", "params"],
    ["callbacks", "EMA", "ema_state_dict"], ["callbacks", "EMACallback{'decay': 0.9}", "state"],
    ["callbacks", "StochasticWeightAveraging", "average_model_state"],
    ["state", "algorithms", "0", "1", "ema_model", "named_parameters_dict"],
    ["trainer", "ema", "shadow_params"], ["loops", "fit", "ema_weights"],
  ])
  func areFoundInTheStatesOfOptimizersAndCallbacks(path: [String]) throws {
    for average in [Self.dict(Self.average), Self.list(Self.average), Self.list(0, Self.short)] {
      let isRead = average != Self.list(0, Self.short)
      var value = average
      for key in path.dropFirst().reversed() {
        guard let position = Int(key) else {
          value = PickleBytes.dict([("step", PickleBytes.none), (key, value)])
          continue
        }
        let others = (0..<position).map { _ in PickleBytes.text("EMA") }
        value = PickleBytes.list(others + [value])
      }
      let file = try Self.open([("state_dict", Self.dict(Self.last)), (path[0], value)])
      Self.expect(file, isRead ? Self.average : Self.last)
      #expect(Self.isAveraged(file) == isRead)
      let place = path.joined(separator: ".")
      #expect(file.notes.description.contains(place), "\(file.notes)")
      #expect(file.notes.description.contains("not read") == !isRead, "\(file.notes)")
    }
  }

  private static let short = Array(model.dropLast(2))

  @Test func mayBeADictOfNumbersInOrder() throws {
    func dict(_ keys: [Int], _ values: [[UInt8]]) -> [UInt8] {
      PickleBytes.emptyDict + PickleBytes.mark
        + zip(keys, values).flatMap { PickleBytes.integer($0) + $1 } + PickleBytes.setItems
    }
    let tensors = Self.model.map { Self.tensor($0.1, at: Self.average) }
    for keys in [[0, 1, 2, 3, 4], [1, 2, 3, 4, 5], [0, 1, 3, 2, 4]] {
      let file = try Self.open([
        ("model", Self.dict(Self.last)), ("ema", dict(keys, tensors)),
      ])
      let isRead = keys == [0, 1, 2, 3, 4]
      Self.expect(file, isRead ? Self.average : Self.last)
      #expect(file.notes.description.contains("not read") == !isRead)
    }
    let parts = tensors.map { PickleBytes.dict([("step", PickleBytes.none), ("ema", $0)]) }
    let optimizer = PickleBytes.dict([("state", dict([0, 1, 2, 3, 4], parts))])
    let file = try Self.open([("model", Self.dict(Self.last)), ("optimizer", optimizer)])
    Self.expect(file, Self.last)
    #expect(file.notes.description.contains("'optimizer.state.0.ema'"), "\(file.notes)")
  }

  @Test func areNotTheAveragesOfGradients() throws {
    let state = PickleBytes.dict([
      ("exp_avg", Self.dict(Self.other)), ("square_avg", Self.dict(Self.other)),
      ("grad_ema", Self.dict(Self.other)), ("step_average", Self.list(Self.other)),
      ("ema_sq", Self.dict(Self.other)),
    ])
    for name in ["optimizer", "optimizer_states", "opt"] {
      let optimizer = name == "optimizer_states" ? PickleBytes.list([state]) : state
      let file = try Self.open([("state_dict", Self.dict(Self.last)), (name, optimizer)])
      Self.expect(file, Self.last)
      #expect(!file.notes.description.contains("not read"), "\(file.notes)")
    }
  }

  @Test func ofLightningAreWhereTheWeightsOfTheLastStepWere() throws {
    let file = try Self.open([
      ("epoch", PickleBytes.none), ("state_dict", Self.dict(Self.average)),
      ("current_model_state", Self.dict(Self.last)),
      ("averaging_state", PickleBytes.dict([("n_averaged", Self.number(1))])),
    ])
    Self.expect(file, Self.average)
    #expect(Self.isAveraged(file))
  }

  @Test(arguments: [true, false]) func areNamedByOrder(isWhole: Bool) throws {
    let names = isWhole ? Self.model : Self.trained
    for place in ["shadow_params", "ema_weights"] {
      let average = PickleBytes.dict([
        ("decay", PickleBytes.none), (place, Self.list(Self.average, names)),
        ("collected_params", Self.list(Self.other, names)),
      ])
      for prefix in ["", "module.", "model."] {
        let file = try Self.open([
          ("state_dict", Self.dict(Self.last) { prefix + $0 }), ("ema", average),
        ])
        let expected = file.entries.map { $0.name.replacing("model.", with: "") }
        #expect(Set(expected) == Set(Self.model.map(\.0)))
        guard prefix != "model." else { continue }
        Self.expect(file, Self.average, except: isWhole ? [:] : ["pos_embed": Self.last])
        #expect(file.notes.contains(.completedAverage(["pos_embed"])) == !isWhole)
      }
    }
  }

  @Test func areSaidToBeThereInAFormThatIsNotRead() throws {
    let object = PickleBytes.call("models", "DiT", [Self.dict(Self.average)])
    for average in [object, Self.list(Self.average, Self.short)] {
      let members = [("model", Self.dict(Self.last)), ("ema", average)]
      let file = try Self.open(members)
      Self.expect(file, Self.last)
      #expect(file.notes.description.contains("not read"), "\(file.notes)")
      let alone = #expect(throws: CheckpointError.self) { try Self.open([members[1]]) }
      #expect(try #require(alone).reason == .unsupported)
    }
  }

  @Test func areTakenFromAModuleThatHasBoth() throws {
    let module = PickleBytes.dict(
      [("initted", Self.number(1)), ("step", Self.number(2))]
        + Self.members(Self.last) { "online_model." + $0 }
        + Self.members(Self.average) { "ema_model." + $0 })
    for members in [
      [("model", Self.dict(Self.last)), ("ema", module)], [("ema", module)], [("x", module)],
    ] {
      Self.expect(try Self.open(members), Self.average)
    }
  }

  @Test func areFoundWithMangledNames() throws {
    for (prefix, mark) in [("model_ema.", "."), ("ema_", "_")] {
      let average = Self.members(Self.average, Self.trained) {
        prefix + $0.replacing(".", with: mark == "." ? "" : mark)
      }
      let numbers = mark == "." ? [("model_ema.decay", Self.number(1))] : []
      let last = Self.members(Self.last) { (mark == "." ? "model." : "") + $0 }
      let file = try Self.open([
        ("state_dict", PickleBytes.dict(last + numbers + average)), ("epoch", PickleBytes.none),
      ])
      Self.expect(file, Self.average, except: ["pos_embed": Self.last])
    }
  }

  @Test func ofPyTorchsAveragedModelNeedNoOthers() throws {
    let module = PickleBytes.dict(
      [("n_averaged", Self.number(1))] + Self.members(Self.average) { "module." + $0 })
    for members in [[("averaged_model", module)], [("state_dict", module)]] {
      Self.expect(try Self.open(members), Self.average)
    }
  }
}
