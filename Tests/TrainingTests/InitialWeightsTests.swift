internal import Layers
internal import Models
internal import Testing
internal import Torch
internal import Training

@Suite struct InitialWeightsTests {
  private static let table = "y_embedder.embedding_table.weight"

  /// The rows of the label table that starting weights of some classes become, by the places that they
  /// had; nil for rows that start anew.
  private func rows(
    _ before: [String], count: Int? = nil, to names: [String]
  ) throws -> (rows: [Int?], notes: [String]) {
    var config = DiTConfig(
      inputSize: 4, channelCount: 1, patchSize: 2, hiddenSize: 8, depth: 1, headCount: 2)
    config.classCount = count ?? before.count
    let (_, store) = try InitialWeights.makeModel(
      config, from: nil, classNames: [], seed: 1, device: .cpu)
    let start = PretrainedWeights(path: "file", tensors: store.stateDict, classNames: before)
    config.classCount = names.count
    var notes: [String] = []
    let (_, built) = try InitialWeights.makeModel(
      config, from: start, classNames: names, seed: 2, device: .cpu
    ) { notes.append($0) }
    let (old, new) = try (
      #require(store[Self.table]).detached, #require(built[Self.table]).detached
    )
    func values(_ table: Tensor, _ row: Int) -> [Float] { table[row].elements(Float.self) }
    return (
      (0..<new.size(0)).map { row in
        (0..<old.size(0)).first { values(old, $0) == values(new, row) }
      }, notes
    )
  }

  @Test func keepsRowsOfTheSameClasses() throws {
    for names in [["a", "b", "c"], []] {
      let (rows, notes) = try rows(names, count: 3, to: ["a", "b", "c"])
      #expect(rows == [0, 1, 2, 3] && notes.isEmpty)
    }
  }

  @Test func matchesNamesIfTheCountsAgree() throws {
    let (shifted, notes) = try rows(["a", "b", "c"], to: ["b", "c", "d"])
    #expect(shifted == [1, 2, nil, 3])
    #expect(notes.count == 1 && notes[0].contains("2 rows") && notes[0].contains("1 start anew"))
    #expect(try rows(["a", "b"], to: ["b", "a"]).rows == [1, 0, 2])
    // Two classes may have one name, as in ImageNet.
    #expect(try rows(["crane", "a", "crane"], to: ["a", "crane", "crane"]).rows == [1, 0, 2, 3])
  }

  @Test func keepsIndicesIfNoNameMatches() throws {
    let (rows, notes) = try rows(["tench", "goldfish"], to: ["n01440764", "n01443537"])
    #expect(rows == [0, 1, 2])
    #expect(notes.count == 1 && notes[0].contains("(tench there, n01440764 here)"))
  }

  @Test func matchesNamesIfTheCountsDiffer() throws {
    let (rows, notes) = try rows(["a", "b", "c"], to: ["c", "x"])
    #expect(rows == [2, nil, 3])
    #expect(notes.count == 1 && notes[0].contains("1 rows kept by class name"))
  }

  /// One number of a tensor is spoiled.
  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func refusesNumbersThatAreNotFinite(_ number: Float) throws {
    var config = DiTConfig(
      inputSize: 4, channelCount: 1, patchSize: 2, hiddenSize: 8, depth: 1, headCount: 2)
    config.classCount = 2
    let (_, store) = try InitialWeights.makeModel(
      config, from: nil, classNames: [], seed: 1, device: .cpu)
    for name in ["x_embedder.proj.weight", "blocks.0.mlp.fc2.bias", Self.table] {
      var tensors = store.stateDict.mapValues(\.detached.cloned)
      let spoiled = try #require(tensors[name]).flattened()
      var values = spoiled.elements(Float.self)
      values[values.count / 2] = number
      tensors[name] = Tensor(values, shape: try #require(tensors[name]).shape)
      let start = PretrainedWeights(path: "file", tensors: tensors, classNames: [])
      let error = #expect(throws: TrainingError.self) {
        try InitialWeights.makeModel(config, from: start, classNames: [], seed: 2, device: .cpu)
      }
      #expect(error?.reason == .weightsNotFinite)
      #expect(error?.message == "'file': 1 of the numbers of '\(name)' are NaN or infinite")
    }
  }
}

extension InitialWeightsTests {
  @Test func startsANullClassThatTheCheckpointLacks() throws {
    let table = "y_embedder.embedding_table.weight"
    var config = DiTConfig(
      inputSize: 4, channelCount: 1, patchSize: 2, hiddenSize: 8, depth: 1, headCount: 2,
      classCount: 3, hasNullClass: false)
    let (_, store) = try InitialWeights.makeModel(
      config, from: nil, classNames: [], seed: 1, device: .cpu)
    let start = PretrainedWeights(
      path: "file", tensors: store.stateDict, classNames: [], hasNullClass: false)
    config.hasNullClass = true
    var notes: [String] = []
    let (_, built) = try InitialWeights.makeModel(
      config, from: start, classNames: ["a", "b", "c"], seed: 2, device: .cpu
    ) { notes.append($0) }
    let old = try #require(store[table]).detached.elements(Float.self)
    let new = try #require(built[table]).detached.elements(Float.self)
    #expect(old.count == 24 && Array(new.prefix(24)) == old && new.count == 32)
    #expect(notes.count == 1 && notes[0].contains("no null class"), "\(notes)")
  }
}
