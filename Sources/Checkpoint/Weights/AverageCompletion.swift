/// Averaged weights brought to the names of the weights of the last step, and completed from them.
///
/// An average may be a list in the order of the parameters, have its names mangled, or lack what is not
/// trained.
struct AverageCompletion {
  /// The weights by the names of the model.
  private(set) var tensors: [StoredTensor]
  private(set) var notes: [CheckpointNote] = []

  /// The parameter that trainers of DiTs freeze: sines and cosines.
  private static let frozen = "pos_embed"

  /// Brings averages to the names of other weights; nil for a list that does not fit them.
  ///
  /// - Parameters:
  ///   - average: the averages.
  ///   - last: the weights of the last step, in their order; empty if the file has none.
  init?(_ average: StateTable, with last: [StoredTensor]) {
    guard !average.isList else {
      guard let named = AverageCompletion.named(average.tensors, as: last) else { return nil }
      tensors = named.tensors
      noteKept(named.kept)
      return
    }
    let model = last.filter { !$0.isNumber }
    let names = Set(model.map(\.name))
    let numbers = average.tensors.filter { $0.isNumber && !names.contains($0.name) }
    let weights = average.tensors.filter { !$0.isNumber || names.contains($0.name) }
    tensors = weights
    if !numbers.isEmpty { notes.append(.leftOutNumbers(numbers.map(\.name))) }
    guard !weights.isEmpty, !model.isEmpty else { return }
    for set in AverageCompletion.sets(of: model) where set.count >= weights.count {
      let own = Dictionary(set.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
      let plain = weights.allSatisfy { own[$0.name] != nil }
      guard plain || AverageCompletion.areMangled(weights, of: set) else { continue }
      func key(_ tensor: StoredTensor) -> String {
        plain ? tensor.name : WeightNames.mangled(tensor.name)
      }
      guard !plain || weights.count < set.count else { return }
      let averages = Dictionary(
        weights.map { (key($0), $0) }, uniquingKeysWith: { first, _ in first })
      tensors = set.map { averages[key($0)]?.named($0.name) ?? $0 }
      noteKept(set.filter { averages[key($0)] == nil }.map(\.name))
      return
    }
  }

  /// Notes the weights that are not averages.
  private mutating func noteKept(_ names: [String]) {
    if !names.isEmpty { notes.append(.completedAverage(names)) }
  }

  /// The weights, and those under each first part of a name, without that part.
  private static func sets(of weights: [StoredTensor]) -> [[StoredTensor]] {
    let families = Dictionary(grouping: weights) { $0.name.prefix { $0 != "." } }
    return [weights]
      + families.sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }.map {
        first, members in
        members.filter { $0.name.count > first.count }.map {
          $0.named(String($0.name.dropFirst(first.count + 1)))
        }
      }
  }

  /// Whether the names are those of weights without dots and underscores, each of which stands for one.
  private static func areMangled(_ averages: [StoredTensor], of weights: [StoredTensor]) -> Bool {
    let names = Set(weights.map { WeightNames.mangled($0.name) })
    return names.count == weights.count
      && averages.allSatisfy {
        !$0.name.contains(".") && names.contains(WeightNames.mangled($0.name))
      }
  }

  /// A list under the names of weights of the same shapes in the same order, of which the frozen one may
  /// be missing; nil if they do not fit.
  private static func named(
    _ list: [StoredTensor], as last: [StoredTensor]
  ) -> (tensors: [StoredTensor], kept: [String])? {
    for set in sets(of: last.filter({ !$0.isNumber })) {
      for isWhole in [true, false] {
        func isListed(_ tensor: StoredTensor) -> Bool {
          isWhole || tensor.name.split(separator: ".").last.map(String.init) != frozen
        }
        let listed = set.filter(isListed)
        guard listed.count == list.count, zip(listed, list).allSatisfy({ $0.shape == $1.shape })
        else { continue }
        var rest = list[...]
        return (
          set.map { tensor in
            isListed(tensor) ? rest.popFirst().map { $0.named(tensor.name) } ?? tensor : tensor
          }, set.filter { !isListed($0) }.map(\.name)
        )
      }
    }
    return nil
  }
}
