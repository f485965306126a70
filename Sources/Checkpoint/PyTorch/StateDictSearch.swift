/// Looks for state dicts among the values of a pickle.
struct StateDictSearch {
  /// A dict or list of tensors.
  struct Found {
    /// The keys of the dicts around it.
    let path: [String]
    /// The value in the graph.
    let index: PickleGraph.Index
  }

  /// The averages, best first.
  private(set) var averages: [Found] = []
  /// Averages that are there in another form.
  private(set) var unread: [UnreadAverage] = []
  /// The weights of the last step.
  private(set) var last: Found?

  /// The keys under which a checkpoint may have its weights, best first.
  private static let lastKeys = [
    "model", "state_dict", "model_state_dict", "generator", "module", "network", "net",
    "transformer", "dit", "denoiser",
  ]
  /// The usual keys of averages, which come before others.
  private static let averageKeys = ["ema", "model_ema", "ema_state_dict"]
  /// The most dicts around the state dict.
  private static let maximumDepth = 4

  private let graph: PickleGraph
  private var visited: Set<PickleGraph.Index> = []

  /// Searches the outermost value.
  ///
  /// - Throws: `CheckpointError` for a dict that has a key twice.
  init(_ graph: PickleGraph, root: PickleGraph.Index) throws {
    self.graph = graph
    try findAverages(root, [], isAverage: false)
    averages = averages.enumerated().sorted {
      (StateDictSearch.rank($0.element.path), $0.offset)
        < (StateDictSearch.rank($1.element.path), $1.offset)
    }.map(\.element)
    visited = []
    last = try findLast(root, [])
  }

  /// Places with shorter paths come first, then the usual keys; equals stay in the order of the file.
  private static func rank(_ path: [String]) -> Int {
    let key = path.first.flatMap(averageKeys.firstIndex) ?? averageKeys.count
    return (path.contains("shadow_params") ? 0 : path.count) * 8 + key
  }

  private typealias Members = [(key: String, value: PickleGraph.Index)]

  /// The members of a dict, or of an object that is one; lists of dicts have numbers for keys.
  private func members(_ index: PickleGraph.Index) throws -> Members? {
    switch graph[index] {
    case .dictionary, .object: return try graph.members(index)
    default: return nil
    }
  }

  private func isTensor(_ index: PickleGraph.Index) -> Bool {
    if case .tensor = graph[index] { true } else { false }
  }

  private mutating func findAverages(
    _ index: PickleGraph.Index, _ path: [String], isAverage: Bool
  ) throws {
    // A dict may contain itself, and be under several keys.
    guard path.count <= StateDictSearch.maximumDepth,
      visited.insert(isAverage ? -1 - index : index).inserted
    else { return }
    if isAverage, let items = graph.list(index), items.count > 1 {
      if items.allSatisfy(isTensor) {
        averages.append(Found(path: path, index: index))
      } else {
        for (position, item) in items.enumerated().prefix(16) {
          try findAverages(item, path + [String(position)], isAverage: true)
        }
      }
      return
    }
    guard let members = try members(index) else { return }
    if isAverage, members.contains(where: { graph.isWeight($0.value) }) {
      averages.append(Found(path: path, index: index))
      return
    }
    let before = averages.count
    for (key, value) in members where !WeightNames.meansOther(key) {
      try findAverages(
        value, path + [key], isAverage: isAverage || WeightNames.meansAverage(key))
    }
    for (key, value) in members where averages.count == before && WeightNames.meansAverage(key) {
      guard graph.holdsTensors(value), !isTensor(value) else { continue }
      unread.append(
        UnreadAverage(place: (path + [key]).joined(separator: "."), form: graph.form(of: value)))
    }
  }

  /// The dict under the first of the usual keys, searched again in the same way; else the dict itself if
  /// it has tensors; else the one dict of tensors under other keys.
  private mutating func findLast(_ index: PickleGraph.Index, _ path: [String]) throws -> Found? {
    guard path.count < StateDictSearch.maximumDepth, visited.insert(index).inserted,
      let members = try members(index)
    else { return nil }
    for key in StateDictSearch.lastKeys {
      if let value = members.first(where: { $0.key == key })?.value,
        let found = try findLast(value, path + [key])
      {
        return found
      }
    }
    let found = Found(path: path, index: index)
    if members.contains(where: { graph.isWeight($0.value) }) { return found }
    let others = try members.filter {
      !StateDictSearch.lastKeys.contains($0.key) && !WeightNames.meansOptimizer($0.key)
        && !WeightNames.meansAverage($0.key)
    }.compactMap { try findLast($0.value, path + [$0.key]) }
    if others.count == 1 { return others[0] }
    return others.isEmpty && members.contains { isTensor($0.value) } ? found : nil
  }
}
