public import Layers
public import Models
public import Torch

/// The weights of a pretrained model.
public struct PretrainedWeights {
  /// The checkpoint's file or folder.
  public let path: String
  /// Tensors by their published names.
  public let tensors: [String: Tensor]
  /// Class names by number; empty if the checkpoint has none.
  public let classNames: [String]
  /// Whether the last row of the label table is the null class.
  public let hasNullClass: Bool

  /// Weights from a checkpoint.
  public init(
    path: String, tensors: [String: Tensor], classNames: [String], hasNullClass: Bool = true
  ) {
    self.path = path
    self.tensors = tensors
    self.classNames = classNames
    self.hasNullClass = hasNullClass
  }
}

/// Makes the model that a run starts with.
public enum InitialWeights {
  /// Makes a model with random weights, or with those of a pretrained model.
  ///
  /// Label embeddings are matched by class name. If no names match and the class counts agree, they are
  /// kept by index; if the counts differ, rows without a match start with random weights. Any other
  /// difference between the models is an error.
  ///
  /// - Parameters:
  ///   - config: the shape of the model.
  ///   - start: the pretrained model; nil for random weights.
  ///   - classNames: of the data.
  ///   - seed: of the random weights.
  ///   - device: of the parameters.
  ///   - note: called if label embeddings were not simply copied.
  /// - Returns: the model and its parameters.
  /// - Throws: `TrainingError` if the weights are of another model; what `note` throws.
  public static func makeModel(
    _ config: DiTConfig, from start: PretrainedWeights?, classNames: [String], seed: UInt64,
    device: Device, note: (String) throws -> Void = { _ in }
  ) throws -> (model: DiT, store: ParameterStore) {
    let generator = try Generator(seed: seed)
    let store = ParameterStore(.initialize(generator, device: device))
    let model = withoutGradients { DiT(config, at: store.root) }
    guard let start else { return (model, store) }
    var state = start.tensors
    if !config.learnsVariance, let text = leaveOutVariance(of: &state, for: store) {
      try note(text)
    }
    if config.hasSpan, !DiTConfig.hasSpan(state.keys) {
      try note(
        "the checkpoint has no input for the length of a step; it is added, and has no effect at first"
      )
      for name in store.names where DiTConfig.hasSpan([name]) {
        // Zeros in the last layer, and its own beginning in the first.
        state[name] = store[name].map { name.contains(".mlp.2.") ? $0.detached * 0 : $0 }
      }
    }
    if let target = store[table], let source = state[table], source.rank == 2,
      source.size(1) == target.size(1)
    {
      let (text, isCopied) = fill(target, names: classNames, from: source, start)
      if let text { try note(text) }
      if isCopied { state[table] = nil }
    }
    try copy(state, to: store, except: state[table] == nil ? [table] : [], path: start.path)
    try WeightCheck.check(
      store.names.compactMap { name in store[name].map { (name, $0) } }, of: start.path)
    return (model, store)
  }

  /// Leaves out the variance of a pretrained model that learns it, in its last layer, `[p p 2 C, D]`, for
  /// one that does not.
  ///
  /// - Returns: what to tell; nil if there is none.
  private static func leaveOutVariance(
    of state: inout [String: Tensor], for store: ParameterStore
  ) -> String? {
    let names = ["weight", "bias"].map { "final_layer.linear." + $0 }
    guard let patch = state["x_embedder.proj.weight"]?.shape, patch.count == 4 else { return nil }
    let (channels, area) = (patch[1], patch[2] * patch[3])
    for name in names {
      guard let source = state[name], let target = store[name],
        source.size(0) == 2 * channels * area, target.size(0) == channels * area
      else { return nil }
      let rest = Array(source.shape.dropFirst())
      state[name] = source.reshaped([area, 2 * channels] + rest)
        .narrowed(axis: 1, start: 0, count: channels).reshaped([area * channels] + rest)
    }
    return "the variance that the checkpoint learns is left out"
  }

  /// The name of the label table: one row per class, the null class last.
  private static let table = "y_embedder.embedding_table.weight"

  /// Fills a label table by class names, if the classes differ.
  ///
  /// - Returns: what to tell, and whether the table is filled.
  private static func fill(
    _ target: Tensor, names: [String], from source: Tensor, _ start: PretrainedWeights
  ) -> (note: String?, isCopied: Bool) {
    let hasNull = start.hasNullClass
    let (before, now) = (source.size(0) - (hasNull ? 1 : 0), target.size(0) - 1)
    let pairs = matches(of: names.prefix(now), in: start.classNames.prefix(before))
    guard hasNull else {
      let isSame = before == now && pairs.isEmpty
      let kept = isSame ? (0..<now).map { (index: $0, source: $0) } : pairs
      copyRows(kept, of: source, to: target, withNull: false)
      return (
        "the checkpoint has no null class, whose row starts anew; \(kept.count) of \(now) rows of the"
          + " label table kept", true
      )
    }
    guard before == now else {
      copyRows(pairs, of: source, to: target)
      return (
        "the label table starts anew: \(before) classes in the checkpoint, \(now) here;"
          + " \(pairs.count) rows kept by class name, and the null class", true
      )
    }
    guard !start.classNames.isEmpty, !names.isEmpty, start.classNames != names else {
      return (nil, false)
    }
    guard !pairs.isEmpty else {
      return (
        "no class name of the checkpoint is one of the data's (\(start.classNames[0]) there,"
          + " \(names[0]) here): rows of the label table stay by number", false
      )
    }
    copyRows(pairs, of: source, to: target)
    return (
      "classes are others than the checkpoint's, or in another order: \(pairs.count) rows of the label"
        + " table kept by class name, \(now - pairs.count) start anew", true
    )
  }

  /// Pairs names with their positions in another list; equal names are paired in their order.
  private static func matches(
    of names: some Sequence<String>, in others: some Sequence<String>
  ) -> [(index: Int, source: Int)] {
    var indices = Dictionary(grouping: others.enumerated(), by: \.element).mapValues { equal in
      equal.map(\.offset)[...]
    }
    return names.enumerated().compactMap { index, name in
      indices[name]?.popFirst().map { (index, $0) }
    }
  }

  /// Copies the paired rows, and the null class.
  private static func copyRows(
    _ pairs: [(index: Int, source: Int)], of source: Tensor, to target: Tensor,
    withNull: Bool = true
  ) {
    withoutGradients {
      if withNull { target[target.size(0) - 1].copyInPlace(from: source[source.size(0) - 1]) }
      for (index, row) in pairs { target[index].copyInPlace(from: source[row]) }
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
