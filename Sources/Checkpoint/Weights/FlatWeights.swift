/// The sets of weights in a table whose names begin with the set's: `ema_model.` beside
/// `online_model.`, `ema.` and `adam_m.` beside `network.`.
struct FlatWeights {
  /// The averaged weights, by the names of the model; nil if there are none.
  private(set) var average: StateTable?
  /// The weights of the last step.
  private(set) var last: [StoredTensor]
  /// How those were found, beside averages.
  private(set) var lastNotes: [CheckpointNote] = []
  /// The prefixes of what an optimizer keeps, which is in neither.
  private(set) var optimizer: [String] = []
  /// Averaged weights that cannot be read.
  private(set) var unread: UnreadAverage?

  /// The most parts of a prefix.
  private static let maximumDepth = 4
  /// The number that PyTorch's `AveragedModel` keeps beside its module.
  private static let averageMark = "n_averaged"
  /// The fewest names that are taken for mangled ones of a whole model.
  private static let mangledCount = 8
  /// The fewest tensors of a set.
  private static let minimumCount = 3

  /// Sorts the tensors of a table.
  init(_ tensors: [StoredTensor]) {
    if tensors.contains(where: { $0.isNumber && $0.name == FlatWeights.averageMark }) {
      average = StateTable(tensors: tensors, notes: [.averagedModel])
      last = []
      return
    }
    var groups: [(prefix: String, tensors: [StoredTensor])] = []
    var positions: [String: Int] = [:]
    var others: [StoredTensor] = []
    for tensor in tensors {
      guard let prefix = FlatWeights.averagePrefix(tensor.name) else {
        others.append(tensor)
        continue
      }
      let position = positions[prefix] ?? groups.count
      if position == groups.count {
        positions[prefix] = position
        groups.append((prefix, []))
      }
      groups[position].tensors.append(tensor.named(String(tensor.name.dropFirst(prefix.count))))
    }
    let weights = others.filter { !$0.isNumber }
    let state = FlatWeights.optimizerState(weights, among: groups.flatMap(\.tensors))
    optimizer = state.prefixes
    last = others.filter { !state.names.contains($0.name) }
    guard !groups.isEmpty else { return }
    let model = last.filter { !$0.isNumber }
    for (index, group) in groups.enumerated() {
      let names = group.tensors.filter { !$0.isNumber }.map(\.name)
      guard names.count >= FlatWeights.minimumCount else { continue }
      let partner = FlatWeights.partner(of: names, in: model)
      guard partner != nil || model.isEmpty else {
        if unread == nil, names.count >= FlatWeights.mangledCount,
          !names.contains(where: { $0.contains(".") })
        {
          unread = UnreadAverage(
            place: group.prefix, form: "names of parameters without dots, and not of these weights")
        }
        continue
      }
      let others = groups.indices.filter { $0 != index }.map { groups[$0].prefix + "*" }
      let key = String(group.prefix.dropLast())
      average = StateTable(
        keys: [key], tensors: group.tensors,
        notes: [
          .tookStateDict(
            keys: [key], isAveraged: true,
            leftOut: partner?.prefix == "" ? [] : Checkpoint.families(of: last.map(\.name)))
        ] + (others.isEmpty ? [] : [.otherAverages(others)]))
      if let partner {
        let own = partner.prefix.isEmpty ? [] : [partner.prefix + "*"]
        lastNotes = [
          .tookStateDict(keys: own, isAveraged: false, leftOut: [group.prefix + "*"] + others)
        ]
        last = partner.tensors
      }
      unread = nil
      return
    }
    // What only sounds like an average is a part of the model.
    last = tensors.filter { !state.names.contains($0.name) }
  }

  /// The part of a name up to the word for an average, with the dot or underscore after it; nil if it has
  /// none outside of the numbered layers.
  private static func averagePrefix(_ name: String) -> String? {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    if parts.count == 1, name.hasPrefix("ema_"), name.count > 4 { return "ema_" }
    var length = 0
    for part in parts.dropLast().prefix(maximumDepth) {
      guard Int(part) == nil else { return nil }
      length += part.count + 1
      if WeightNames.meansAverage(String(part)) { return String(name.prefix(length)) }
    }
    return nil
  }

  /// The prefixes of a name, the empty one first, up to the first number.
  private static func prefixes(of name: String) -> [String] {
    var prefixes = [""]
    for part in name.split(separator: ".", omittingEmptySubsequences: false)
      .dropLast().prefix(maximumDepth)
    {
      guard Int(part) == nil else { break }
      prefixes.append((prefixes.last ?? "") + part + ".")
    }
    return prefixes
  }

  /// The smallest set of weights under one prefix that has all the names, without the prefix; names may
  /// be mangled. Nil if there is none that these names make up for the most part.
  private static func partner(
    of names: [String], in weights: [StoredTensor]
  ) -> (prefix: String, tensors: [StoredTensor])? {
    var sets: [String: [StoredTensor]] = [:]
    for tensor in weights {
      for prefix in prefixes(of: tensor.name) {
        sets[prefix, default: []].append(
          tensor.named(String(tensor.name.dropFirst(prefix.count))))
      }
    }
    let candidates = sets.filter {
      $0.value.count >= names.count && $0.value.count <= 2 * names.count
    }.sorted {
      ($0.value.count, $0.key.count, $0.key) < ($1.value.count, $1.key.count, $1.key)
    }
    let mangled = Set(names.map(WeightNames.mangled))
    let found =
      candidates.first { Set($0.value.map(\.name)).isSuperset(of: names) }
      ?? candidates.first {
        Set($0.value.map { WeightNames.mangled($0.name) }).isSuperset(of: mangled)
      }
    return found.map { ($0.key, $0.value) }
  }

  /// The tensors under an optimizer's prefix whose further names are those of weights.
  private static func optimizerState(
    _ tensors: [StoredTensor], among averages: [StoredTensor]
  ) -> (names: Set<String>, prefixes: [String]) {
    func family(_ tensor: StoredTensor) -> String? {
      let first = String(tensor.name.prefix { $0 != "." })
      return first.count < tensor.name.count && WeightNames.meansOptimizer(first) ? first : nil
    }
    var weights: Set<String> = []
    for tensor in tensors.filter({ family($0) == nil }) + averages {
      weights.formUnion(
        prefixes(of: tensor.name).map { String(tensor.name.dropFirst($0.count)) })
    }
    var names: Set<String> = []
    var families: Set<String> = []
    for tensor in tensors {
      guard let first = family(tensor) else { continue }
      let rest = String(tensor.name.dropFirst(first.count + 1))
      let found = prefixes(of: rest).contains { weights.contains(String(rest.dropFirst($0.count))) }
      guard found else { continue }
      names.insert(tensor.name)
      families.insert(first)
    }
    return (names, families.sorted().map { $0 + ".*" })
  }
}
