internal import Files

/// The state dict found in the values of a pickle, and notes about the search.
struct StateDictChoice {
  /// Names and indices of `PickleGraph.tensors`.
  private(set) var tensors: [(name: String, tensor: Int)] = []
  /// Numbers, texts and truth values next to the tensors.
  private(set) var metadata: [String: String] = [:]
  /// What was chosen and left out.
  private(set) var notes: [CheckpointNote] = []
  /// Whether the file also has the state of an optimizer.
  private(set) var isTraining = false

  /// The keys under which a checkpoint may have its state dict, best first: averaged weights make better
  /// images than the last ones.
  private static let keys = [
    "ema", "model_ema", "ema_state_dict", "model", "state_dict", "model_state_dict", "generator",
  ]
  private static let averagedKeys: Set = ["ema", "model_ema", "ema_state_dict"]
  /// The keys under which trainers keep the state of the optimizer.
  private static let optimizerKeys: Set = [
    "opt", "optimizer", "optimizer_state_dict", "optimizer_states",
  ]
  /// The most dicts around the state dict.
  private static let maximumDepth = 4
  /// The most tensors of a state dict.
  private static let maximumTensorCount = 1 << 18
  /// The most bytes of class names together.
  private static let maximumListByteCount = 16 << 20
  /// The prefixes of data parallelism and compilation, which every name then has.
  private static let wrappers = ["module.", "_orig_mod."]

  /// Finds the state dict.
  ///
  /// That is the dict under the first of the usual keys, searched again in the same way, else the
  /// outermost dict if it has tensors.
  ///
  /// - Throws: `CheckpointError`.
  init(_ graph: PickleGraph, root: PickleGraph.Index, weights: WeightSet) throws {
    guard case .dictionary = graph[root], let top = try graph.members(root) else {
      throw CheckpointError(
        .noTensors, "the file holds \(graph[root].kind), not a dict; save a model's `state_dict()`")
    }
    var visited: Set<PickleGraph.Index> = []
    let keys = StateDictChoice.keys.filter {
      weights != .last || !StateDictChoice.averagedKeys.contains($0)
    }
    guard let (path, index, members) = try StateDictChoice.find(graph, root, keys, &visited, 0)
    else {
      let names = top.prefix(8).map { clipped($0.key) }.joined(separator: ", ")
      throw CheckpointError(
        .noTensors,
        "no state dict in the file: it has \(names.isEmpty ? "nothing" : names); save a model's"
          + " `state_dict()`, by itself or under 'ema', 'model' or 'state_dict'")
    }
    guard weights != .averaged || !StateDictChoice.averagedKeys.isDisjoint(with: path) else {
      throw weights.missing
    }
    isTraining = top.contains { StateDictChoice.optimizerKeys.contains($0.key) }
    try addMetadata(graph, top)
    try addAttributes(graph, index)
    if !path.isEmpty { noteChoice(path, top) }
    try addTensors(graph, members, isTop: path.isEmpty)
    stripWrappers()
  }

  private typealias Members = [(key: String, value: PickleGraph.Index)]

  private static func find(
    _ graph: PickleGraph, _ index: PickleGraph.Index, _ keys: [String],
    _ visited: inout Set<PickleGraph.Index>, _ depth: Int
  ) throws -> (path: [String], index: PickleGraph.Index, members: Members)? {
    // A dict may contain itself.
    guard depth < maximumDepth, visited.insert(index).inserted, case .dictionary = graph[index],
      let members = try graph.members(index)
    else { return nil }
    for key in keys {
      if let value = members.first(where: { $0.key == key })?.value,
        let inner = try find(graph, value, keys, &visited, depth + 1)
      {
        return ([key] + inner.path, inner.index, inner.members)
      }
    }
    let hasTensors = members.contains { if case .tensor = graph[$0.value] { true } else { false } }
    return hasTensors ? ([], index, members) : nil
  }

  private mutating func noteChoice(_ path: [String], _ top: Members) {
    let isAveraged = path.contains { StateDictChoice.averagedKeys.contains($0) }
    let others = top.map(\.key).filter { $0 != path[0] && metadata[$0] == nil }
    notes.append(.tookStateDict(keys: path, isAveraged: isAveraged, leftOut: others))
  }

  private mutating func addTensors(_ graph: PickleGraph, _ members: Members, isTop: Bool) throws {
    var others: [String] = []
    for (key, value) in members {
      if case .tensor(let tensor) = graph[value] {
        tensors.append((key, tensor))
      } else if !isTop || metadata[key] == nil {
        others.append(key)
      }
    }
    guard tensors.count <= StateDictChoice.maximumTensorCount else {
      throw CheckpointError(
        .unsupported,
        "the state dict has \(tensors.count) tensors; the limit is"
          + " \(StateDictChoice.maximumTensorCount)")
    }
    if !others.isEmpty { notes.append(.leftOutValues(others)) }
  }

  /// Takes scalars, the texts under "class_names" as JSON, and the scalars of the training arguments
  /// under "args".
  private mutating func addMetadata(_ graph: PickleGraph, _ top: Members) throws {
    for (key, value) in top {
      if let text = graph[value].scalarText {
        metadata[key] = text
      } else if key == "class_names", let text = try StateDictChoice.json(graph, value) {
        metadata[key] = text
      }
    }
    guard let arguments = top.first(where: { $0.key == "args" })?.value,
      case .namespace = graph[arguments]
    else { return }
    for (key, value) in try graph.members(arguments) ?? [] {
      let name = "args.\(key)"
      if let text = graph[value].scalarText, metadata[name] == nil { metadata[name] = text }
    }
  }

  /// Takes the texts that `PyTorchPickle` writes into the state dict's attribute.
  private mutating func addAttributes(_ graph: PickleGraph, _ index: PickleGraph.Index) throws {
    guard let attributes = graph.attributes[index],
      let texts = try graph.members(attributes)?.first(where: { $0.key == PyTorchPickle.attribute }
      ),
      let members = try graph.members(texts.value)
    else { return }
    for (key, value) in members {
      if let text = graph.text(value), metadata[key] == nil { metadata[key] = text }
    }
  }

  /// A list or tuple of texts as JSON; nil for other values.
  private static func json(_ graph: PickleGraph, _ index: PickleGraph.Index) throws -> String? {
    let items: [PickleGraph.Index]
    switch graph[index] {
    case .list(let content), .tuple(let content): items = graph.items[content]
    default: return nil
    }
    var texts: [JSON] = []
    var byteCount = 0
    for item in items {
      guard let text = graph.text(item) else { return nil }
      let quoted = JSON.string(text)
      byteCount += quoted.text.utf8.count + 1
      guard byteCount < maximumListByteCount else {
        throw CheckpointError(
          .unsupported, "'class_names' is longer than \(maximumListByteCount) bytes")
      }
      texts.append(quoted)
    }
    return JSON.array(texts).text
  }

  private mutating func stripWrappers() {
    for _ in 0..<StateDictChoice.maximumDepth {
      let found = StateDictChoice.wrappers.first { wrapper in
        tensors.allSatisfy { $0.name.hasPrefix(wrapper) }
      }
      guard let wrapper = found else { return }
      tensors = tensors.map { (String($0.name.dropFirst(wrapper.count)), $0.tensor) }
      notes.append(.removedPrefix(wrapper))
    }
  }
}
