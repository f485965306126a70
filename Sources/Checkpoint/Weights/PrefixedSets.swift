/// The sets of weights in a table, each of those under one prefix of names, and the whole.
struct PrefixedSets {
  /// Weights by their names without the prefix.
  struct Member {
    /// The prefix with its last dot; empty for the whole.
    let prefix: String
    let tensors: [StoredTensor]
  }

  /// Smaller sets first.
  let members: [Member]

  /// The most parts of a prefix.
  static let maximumDepth = 4

  /// Sorts weights; numbers beside them are left out.
  init(_ tensors: [StoredTensor]) {
    var sets: [String: [StoredTensor]] = [:]
    for tensor in tensors where !tensor.isNumber {
      for prefix in PrefixedSets.prefixes(of: tensor.name) {
        sets[prefix, default: []].append(
          tensor.named(String(tensor.name.dropFirst(prefix.count))))
      }
    }
    members = sets.map(Member.init).sorted {
      ($0.tensors.count, $0.prefix.count, $0.prefix)
        < ($1.tensors.count, $1.prefix.count, $1.prefix)
    }
  }

  /// The number of all weights.
  var count: Int { members.last { $0.prefix.isEmpty }?.tensors.count ?? 0 }

  /// The prefixes of a name, the empty one first, up to the first number.
  static func prefixes(of name: String) -> [String] {
    var prefixes = [""]
    for part in name.split(separator: ".", omittingEmptySubsequences: false)
      .dropLast().prefix(maximumDepth)
    {
      guard Int(part) == nil else { break }
      prefixes.append((prefixes.last ?? "") + part + ".")
    }
    return prefixes
  }

  /// The smallest set that has weights of all names and shapes of averages.
  ///
  /// - Parameters:
  ///   - averages: by their names, which may lack dots and underscores.
  ///   - limit: the most weights of the set.
  /// - Returns: the set, and the averages by the set's names; nil if there is none.
  func partner(
    of averages: [StoredTensor], atMost limit: Int = .max
  ) -> (set: Member, averages: [String: StoredTensor])? {
    let isMangled = averages.allSatisfy { !$0.name.contains(".") }
    let spellings: [(String) -> String] = isMangled ? [{ $0 }, WeightNames.mangled] : [{ $0 }]
    for spelling in spellings {
      let own = Dictionary(
        averages.map { (spelling($0.name), $0) }, uniquingKeysWith: { first, _ in first })
      for set in members
      where (averages.count...max(limit, averages.count)).contains(set.tensors.count) {
        let found = set.tensors.compactMap { tensor in
          own[spelling(tensor.name)].map { (tensor, average: $0) }
        }
        guard found.count == averages.count, found.allSatisfy({ $0.shape == $1.shape }) else {
          continue
        }
        return (
          set,
          Dictionary(
            found.map { ($0.name, $1.named($0.name)) }, uniquingKeysWith: { first, _ in first })
        )
      }
    }
    return nil
  }

  /// A set of the shapes of a list, in its order.
  ///
  /// - Parameters:
  ///   - list: averages without names.
  ///   - frozen: the last part of the name of a weight that may be missing in the list.
  /// - Returns: the set, and the averages by the set's names; nil if there is none.
  func partner(
    ofList list: [StoredTensor], frozen: String
  ) -> (set: Member, averages: [String: StoredTensor])? {
    for set in members {
      for isWhole in [true, false] {
        let listed = set.tensors.filter {
          isWhole || $0.name.split(separator: ".").last.map(String.init) != frozen
        }
        guard listed.count == list.count, zip(listed, list).allSatisfy({ $0.shape == $1.shape })
        else { continue }
        return (
          set,
          Dictionary(
            zip(listed, list).map { ($0.name, $1.named($0.name)) },
            uniquingKeysWith: { first, _ in first })
        )
      }
    }
    return nil
  }
}
