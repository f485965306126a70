/// Looks for state dicts among the values of a pickle.
struct StateDictSearch {
  /// A dict or list of tensors.
  struct Found {
    /// The keys of the dicts around it.
    let path: [String]
    /// The value in the graph.
    let index: PickleGraph.Index
  }

  /// What may be averages, best first.
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
  /// The keys that Lightning's `WeightAveraging` adds: the weights of the last step, and what it keeps
  /// beside the averages, which are then under "state_dict".
  private static let swappedKeys = (last: "current_model_state", mark: "averaging_state")
  /// An average that is not read.
  private static let partForm = "a tensor in the state of each parameter"
  /// The most dicts around the state dict.
  private static let maximumDepth = 4
  /// The most dicts and lists around averages.
  private static let maximumAverageDepth = 6
  /// The most items of a list, and the most averages, to look at.
  private static let maximumCount = 16

  /// Where the search for averages is.
  private enum Place: Int {
    case plain
    /// In the state of an optimizer.
    case optimizer
    /// Under a key for averages.
    case average
  }

  private let graph: PickleGraph
  private var visited: Set<Int> = []

  /// Searches the outermost value.
  ///
  /// - Throws: `CheckpointError` for a dict that has a key twice.
  init(_ graph: PickleGraph, root: PickleGraph.Index) throws {
    self.graph = graph
    try findAverages(root, [], .plain)
    averages = averages.enumerated().sorted {
      (StateDictSearch.rank($0.element.path), $0.offset)
        < (StateDictSearch.rank($1.element.path), $1.offset)
    }.map(\.element)
    visited = []
    let top = try members(root) ?? []
    func value(_ key: String) -> PickleGraph.Index? { top.first { $0.key == key }?.value }
    if value(StateDictSearch.swappedKeys.mark) != nil, let average = value("state_dict"),
      let own = value(StateDictSearch.swappedKeys.last),
      let found = try findLast(own, [StateDictSearch.swappedKeys.last])
    {
      averages.insert(Found(path: ["state_dict"], index: average), at: 0)
      last = found
    } else {
      last = try findLast(root, [])
    }
    averages = Array(averages.prefix(StateDictSearch.maximumCount))
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
    _ index: PickleGraph.Index, _ path: [String], _ place: Place
  ) throws {
    // A dict may contain itself, and be under several keys.
    guard path.count <= StateDictSearch.maximumAverageDepth,
      visited.insert(3 * index + place.rawValue).inserted
    else { return }
    if let items = graph.sequence(index) {
      if place == .average, items.count > 1, items.allSatisfy(isTensor) {
        if items.contains(where: graph.isWeight) {
          averages.append(Found(path: path, index: index))
        }
        return
      }
      for (position, item) in items.enumerated().prefix(StateDictSearch.maximumCount) {
        try findAverages(item, path + [String(position)], place)
      }
      return
    }
    guard let members = try members(index) else { return }
    if place == .average, members.contains(where: { graph.isWeight($0.value) }) {
      averages.append(Found(path: path, index: index))
      return
    }
    func isAverage(_ key: String) -> Bool {
      place == .optimizer
        ? WeightNames.meansAverageOfOptimizer(key) : WeightNames.meansAverage(key)
    }
    let before = averages.count
    for (key, value) in members where !WeightNames.meansCopy(key) {
      let isOptimizer = place == .optimizer || WeightNames.meansOptimizer(key)
      try findAverages(
        value, path + [key],
        place == .average && !WeightNames.meansOptimizer(key) || isAverage(key)
          ? .average : isOptimizer ? .optimizer : .plain)
    }
    for (key, value) in members where averages.count == before && isAverage(key) {
      // Of a state for each parameter the first one stands for all.
      let isPart = place == .optimizer && graph.isWeight(value)
      guard graph.holdsTensors(value), !isTensor(value) || isPart,
        !isPart || !unread.contains(where: { $0.form == StateDictSearch.partForm })
      else { continue }
      unread.append(
        UnreadAverage(
          place: (path + [key]).joined(separator: "."),
          form: isPart ? StateDictSearch.partForm : graph.form(of: value)))
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
