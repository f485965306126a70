internal import Files

/// The state dicts found in the values of a pickle, and what stands beside them.
struct StateDictChoice {
  /// A state dict: names and indices of `PickleGraph.tensors`.
  struct Table {
    let tensors: [(name: String, tensor: Int)]
    let path: [String]
    let isList: Bool
    var notes: [CheckpointNote]
  }

  /// The weights of the last step.
  private(set) var last: Table?
  /// What may be their average, best first.
  private(set) var averages: [Table] = []
  /// Averages that cannot be read.
  private(set) var unread: [UnreadAverage] = []
  /// Numbers, texts and truth values next to the tensors.
  private(set) var metadata: [String: String] = [:]
  /// Whether the file also has the state of an optimizer.
  private(set) var isTraining = false

  /// The keys under which trainers keep the state of the optimizer.
  private static let optimizerKeys: Set = [
    "opt", "optimizer", "optimizer_state_dict", "optimizer_states",
  ]
  /// The most tensors of a state dict.
  private static let maximumTensorCount = 1 << 18
  /// The most bytes of class names together.
  private static let maximumListByteCount = 16 << 20

  private let graph: PickleGraph

  /// Finds the state dicts.
  ///
  /// - Throws: `CheckpointError` if there is none.
  init(_ graph: PickleGraph, root: PickleGraph.Index) throws {
    self.graph = graph
    if case .global(.other(let module, let name)) = graph[root] {
      throw PickleGlobal.refusal(module, name)
    }
    guard let top = try StateDictChoice.members(graph, root) else {
      throw CheckpointError(
        .noTensors, "the file holds \(graph[root].kind), not a dict; save a model's `state_dict()`")
    }
    let search = try StateDictSearch(graph, root: root)
    unread = search.unread
    guard search.last != nil || !search.averages.isEmpty || !unread.isEmpty else {
      throw StateDictChoice.nothing(graph, root, top)
    }
    isTraining = top.contains { StateDictChoice.optimizerKeys.contains($0.key) }
    try addMetadata(top)
    if let found = search.last { try addAttributes(found.index) }
    last = try search.last.map { try table($0, top, isAveraged: false) }
    averages = try search.averages.map { try table($0, top, isAveraged: true) }
  }

  private typealias Members = [(key: String, value: PickleGraph.Index)]

  /// The members of the outermost value, if it is a dict.
  private static func members(
    _ graph: PickleGraph, _ root: PickleGraph.Index
  ) throws -> Members? {
    switch graph[root] {
    case .dictionary: return try graph.members(root)
    case .object(let object):
      let object = graph.objects[object]
      guard !graph.items[object.items].isEmpty else {
        throw PickleGlobal.refusal(object.module, object.name)
      }
      return try graph.members(root)
    default: return nil
    }
  }

  /// The error for a file without a state dict, with the class of a whole model if it has one.
  private static func nothing(
    _ graph: PickleGraph, _ root: PickleGraph.Index, _ top: Members
  ) -> CheckpointError {
    for (_, value) in top {
      if case .object(let object) = graph[value], graph.holdsTensors(value) {
        return PickleGlobal.refusal(graph.objects[object].module, graph.objects[object].name)
      }
    }
    let names = nameList(top.map(\.key))
    return CheckpointError(
      .noTensors,
      "no state dict in the file: it has \(names.isEmpty ? "nothing" : names); save a model's"
        + " `state_dict()`, by itself or under 'ema', 'model' or 'state_dict'")
  }

  private func table(
    _ found: StateDictSearch.Found, _ top: Members, isAveraged: Bool
  ) throws -> Table {
    var notes: [CheckpointNote] = []
    if let first = found.path.first {
      let others = top.map(\.key).filter { $0 != first && metadata[$0] == nil }
      notes.append(.tookStateDict(keys: found.path, isAveraged: isAveraged, leftOut: others))
    }
    if let items = graph.sequence(found.index) {
      let tensors = items.compactMap { item in
        if case .tensor(let tensor) = graph[item] { ("", tensor) } else { nil }
      }
      return Table(tensors: tensors, path: found.path, isList: true, notes: notes)
    }
    var tensors: [(name: String, tensor: Int)] = []
    var others: [String] = []
    for (key, value) in try graph.members(found.index) ?? [] {
      if case .tensor(let tensor) = graph[value] {
        tensors.append((key, tensor))
      } else if !found.path.isEmpty || metadata[key] == nil {
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
    return Table(tensors: tensors, path: found.path, isList: false, notes: notes)
  }

  /// Takes scalars, the texts under "class_names" as JSON, and the scalars of the training arguments
  /// under "args".
  private mutating func addMetadata(_ top: Members) throws {
    for (key, value) in top {
      if let text = graph.scalarText(value) {
        metadata[key] = text
      } else if key == "class_names", let text = try json(value) {
        metadata[key] = text
      }
    }
    guard let arguments = top.first(where: { $0.key == "args" })?.value,
      case .namespace = graph[arguments]
    else { return }
    for (key, value) in try graph.members(arguments) ?? [] {
      let name = "args.\(key)"
      if let text = graph.scalarText(value), metadata[name] == nil { metadata[name] = text }
    }
  }

  /// Takes the texts that `PyTorchPickle` writes into the state dict's attribute.
  private mutating func addAttributes(_ index: PickleGraph.Index) throws {
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
  private func json(_ index: PickleGraph.Index) throws -> String? {
    guard let items = graph.list(index) else { return nil }
    var texts: [JSON] = []
    var byteCount = 0
    for item in items {
      guard let text = graph.text(item) else { return nil }
      let quoted = JSON.string(text)
      byteCount += quoted.text.utf8.count + 1
      guard byteCount < StateDictChoice.maximumListByteCount else {
        throw CheckpointError(
          .unsupported,
          "'class_names' is longer than \(StateDictChoice.maximumListByteCount) bytes")
      }
      texts.append(quoted)
    }
    return JSON.array(texts).text
  }
}
