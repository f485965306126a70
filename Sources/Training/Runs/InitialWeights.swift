public import Layers
public import Models
public import Torch

/// Weights that a run starts from.
public struct PretrainedWeights {
  /// The file that they are of.
  public let path: String
  /// By their published names.
  public let tensors: [String: Tensor]
  /// By number; empty where the file has none.
  public let classNames: [String]

  /// Weights of a file.
  public init(path: String, tensors: [String: Tensor], classNames: [String]) {
    self.path = path
    self.tensors = tensors
    self.classNames = classNames
  }
}

/// Makes the parameters that a run starts with.
public enum InitialWeights {
  /// A model with random weights, or those of a checkpoint where names and shapes agree.
  ///
  /// Rows of the label table go by class name where the checkpoint and the data have names. A table of
  /// another number of classes starts anew, but for rows whose class name both have; one of as many
  /// classes, none of which has the name of one of the data's, stays as it is. A number of channels,
  /// patches or a width of its own is an error.
  ///
  /// - Parameters:
  ///   - config: the shape of the model.
  ///   - start: where weights come from; nil for none.
  ///   - classNames: of the data.
  ///   - seed: of the random weights.
  ///   - device: where the parameters go.
  /// - Returns: the model, its parameters, and what happened, for the user's eyes.
  /// - Throws: `TrainingError` if the weights are of another model.
  public static func makeModel(
    _ config: DiTConfig, from start: PretrainedWeights?, classNames: [String], seed: UInt64,
    device: Device
  ) throws -> (model: DiT, store: ParameterStore, notes: [String]) {
    let generator = try Generator(seed: seed)
    let store = ParameterStore(.initialize(generator, device: device))
    let model = withoutGradients { DiT(config, at: store.root) }
    guard let start else { return (model, store, []) }
    var state = start.tensors
    var notes: [String] = []
    if let target = store[table], let source = state[table], source.rank == 2,
      source.size(1) == target.size(1)
    {
      let (note, isCopied) = fill(target, names: classNames, from: source, start)
      if let note { notes.append(note) }
      if isCopied { state[table] = nil }
    }
    try copy(state, to: store, except: state[table] == nil ? [table] : [], path: start.path)
    return (model, store, notes)
  }

  /// The name of the label table, one row a class and the null class last.
  private static let table = "y_embedder.embedding_table.weight"

  /// Fills a label table by class names, where that is called for.
  ///
  /// - Returns: what to tell the user, and whether rows need not be copied as they stand.
  private static func fill(
    _ target: Tensor, names: [String], from source: Tensor, _ start: PretrainedWeights
  ) -> (note: String?, isCopied: Bool) {
    let (before, now) = (source.size(0) - 1, target.size(0) - 1)
    let places = matches(of: names.prefix(now), in: start.classNames.prefix(before))
    guard before == now else {
      copyRows(places, of: source, to: target)
      return (
        "the label table starts anew: \(before) classes in the checkpoint, \(now) here;"
          + " \(places.count) rows kept by class name, and the null class", true
      )
    }
    guard !start.classNames.isEmpty, !names.isEmpty, start.classNames != names else {
      return (nil, false)
    }
    guard !places.isEmpty else {
      return (
        "no class name of the checkpoint is one of the data's (\(start.classNames[0]) there,"
          + " \(names[0]) here): rows of the label table stay by number", false
      )
    }
    copyRows(places, of: source, to: target)
    return (
      "classes are others than the checkpoint's, or in another order: \(places.count) rows of the label"
        + " table kept by class name, \(now - places.count) start anew", true
    )
  }

  /// For the numbers of names their places in another list; of equal names the first is the first.
  private static func matches(
    of names: some Sequence<String>, in others: some Sequence<String>
  ) -> [(index: Int, place: Int)] {
    var places = Dictionary(grouping: others.enumerated(), by: \.element).mapValues { equal in
      equal.map(\.offset)[...]
    }
    return names.enumerated().compactMap { index, name in
      places[name]?.popFirst().map { (index, $0) }
    }
  }

  /// Copies the null class and some rows.
  private static func copyRows(
    _ places: [(index: Int, place: Int)], of source: Tensor, to target: Tensor
  ) {
    withoutGradients {
      target[target.size(0) - 1].copyInPlace(from: source[source.size(0) - 1])
      for (index, place) in places { target[index].copyInPlace(from: source[place]) }
    }
  }

  private static func copy(
    _ state: [String: Tensor], to store: ParameterStore, except: Set<String>, path: String
  ) throws {
    var mismatch = ParameterStore.Mismatch()
    for name in store.names where !except.contains(name) {
      guard let target = store[name] else { continue }
      guard let source = state[name] else {
        mismatch.missing.append(name)
        continue
      }
      guard source.shape == target.shape else {
        mismatch.mismatched.append("\(name): \(source.shape) in the file, \(target.shape) here")
        continue
      }
      withoutGradients { target.copyInPlace(from: source) }
    }
    mismatch.unexpected = state.keys.filter { store[$0] == nil }.sorted()
    guard mismatch == ParameterStore.Mismatch() else {
      throw TrainingError("'\(path)' is of another model: \(mismatch)")
    }
  }
}
