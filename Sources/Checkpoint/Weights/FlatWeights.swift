/// The sets of weights in a table whose names begin with the set's: `ema_model.` beside
/// `online_model.`, `ema.` and `adam_m.` beside `network.`.
struct FlatWeights {
  /// The sets of averaged weights, by the names of the model.
  private(set) var averages: [StateTable] = []
  /// The weights of the last step.
  private(set) var last: [StoredTensor]
  /// How those were found, beside averages.
  private(set) var lastNotes: [CheckpointNote] = []
  /// The prefixes of what an optimizer keeps, which is in neither.
  private(set) var optimizer: [String] = []
  /// Averaged weights that cannot be read.
  private(set) var unread: UnreadAverage?

  /// The number that PyTorch's `AveragedModel` keeps beside its module.
  private static let averageMark = "n_averaged"
  /// The fewest names that are taken for mangled ones of a whole model.
  private static let mangledCount = 8
  /// The fewest tensors of a set.
  private static let minimumCount = 3

  /// Sorts the tensors of a table.
  init(_ tensors: [StoredTensor]) {
    if tensors.contains(where: { $0.isNumber && $0.name == FlatWeights.averageMark }) {
      averages = [StateTable(tensors: tensors, notes: [.averagedModel])]
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
    // Numbers alone are no weights, as `ema_decay` is none.
    others += groups.filter { $0.tensors.allSatisfy(\.isNumber) }.flatMap { group in
      group.tensors.map { $0.named(group.prefix + $0.name) }
    }
    groups.removeAll { $0.tensors.allSatisfy(\.isNumber) }
    let weights = others.filter { !$0.isNumber }
    let state = FlatWeights.optimizerState(weights, among: groups.flatMap(\.tensors))
    optimizer = state.prefixes
    last = others.filter { !state.names.contains($0.name) }
    guard !groups.isEmpty else { return }
    let sets = PrefixedSets(last)
    let numbers = Set(last.filter(\.isNumber).map(\.name))
    var partner: PrefixedSets.Member?
    for group in groups {
      let weights = group.tensors.filter { !$0.isNumber }
      guard weights.count >= FlatWeights.minimumCount else { continue }
      // A set that the averages make up for the most part.
      let own = sets.partner(of: weights, atMost: 2 * weights.count)?.set
      guard own != nil || sets.count == 0 else {
        if unread == nil, weights.count >= FlatWeights.mangledCount,
          !weights.contains(where: { $0.name.contains(".") })
        {
          unread = UnreadAverage(
            place: group.prefix, form: "names of parameters without dots, and not of these weights")
        }
        continue
      }
      partner = partner ?? own
      let key = String(group.prefix.dropLast())
      let rest = groups.filter { $0.prefix != group.prefix }.map { $0.prefix + "*" }
      averages.append(
        StateTable(
          keys: [key], tensors: group.tensors,
          notes: [
            .tookStateDict(
              keys: [key], isAveraged: true,
              leftOut: Checkpoint.families(
                of: last.map(\.name).filter { own?.prefix != "" || numbers.contains($0) }) + rest)
          ]))
    }
    if !averages.isEmpty {
      if let partner {
        lastNotes = [
          .tookStateDict(
            keys: partner.prefix.isEmpty ? [] : [partner.prefix + "*"], isAveraged: false,
            leftOut: groups.map { $0.prefix + "*" })
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
    for part in parts.dropLast().prefix(PrefixedSets.maximumDepth) {
      guard Int(part) == nil else { return nil }
      length += part.count + 1
      if WeightNames.meansAverage(String(part)) { return String(name.prefix(length)) }
    }
    return nil
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
        PrefixedSets.prefixes(of: tensor.name).map { String(tensor.name.dropFirst($0.count)) })
    }
    var names: Set<String> = []
    var families: Set<String> = []
    for tensor in tensors {
      guard let first = family(tensor) else { continue }
      let rest = String(tensor.name.dropFirst(first.count + 1))
      let found = PrefixedSets.prefixes(of: rest).contains {
        weights.contains(String(rest.dropFirst($0.count)))
      }
      guard found else { continue }
      names.insert(tensor.name)
      families.insert(first)
    }
    return (names, families.sorted().map { $0 + ".*" })
  }
}
