/// Averaged weights brought to the names of the weights of the last step, and completed from them.
///
/// An average may be a list in the order of the parameters, have its names mangled, or lack what is not
/// trained.
struct AverageCompletion {
  /// How well averages go with the weights of the last step.
  enum Fit: Equatable {
    /// They have names and shapes of those, or there are none to compare with.
    case exact
    /// They may be weights of the same model under other names.
    case possible
    /// They are something else.
    case none(form: String)
  }

  /// The keys of the dicts around them.
  let keys: [String]
  /// The weights by the names of the model.
  private(set) var tensors: [StoredTensor]
  private(set) var notes: [CheckpointNote]
  let fit: Fit

  /// The parameter that trainers of DiTs freeze: sines and cosines.
  private static let frozen = "pos_embed"

  /// Brings averages to the names of other weights.
  ///
  /// - Parameters:
  ///   - average: the averages.
  ///   - last: the weights of the last step, in their order; empty if the file has none.
  init(_ average: StateTable, with last: PrefixedSets) {
    keys = average.keys
    notes = average.notes
    guard !average.isList else {
      let partner = last.partner(ofList: average.tensors, frozen: AverageCompletion.frozen)
      tensors = []
      fit =
        partner == nil
        ? .none(
          form:
            "a list of \(average.tensors.count) tensors without names, and the file has no state"
            + " dict of the same shapes to name them") : .exact
      if let partner { complete(partner) }
      return
    }
    let names = Set(last.members.last { $0.prefix.isEmpty }?.tensors.map(\.name) ?? [])
    let numbers = average.tensors.filter { $0.isNumber && !names.contains($0.name) }
    let weights = average.tensors.filter { !$0.isNumber || names.contains($0.name) }
    tensors = weights
    if !numbers.isEmpty { notes.append(.leftOutNumbers(numbers.map(\.name))) }
    guard last.count > 0 else {
      fit = .exact
      return
    }
    if let partner = last.partner(of: weights) {
      fit = .exact
      complete(partner)
    } else {
      fit = AverageCompletion.fit(of: weights, with: last)
    }
  }

  /// The same with a note on averages at other places, which then are not among what was left out.
  func beside(_ others: [String]) -> AverageCompletion {
    var copy = self
    copy.notes =
      notes.map { note in
        guard case .tookStateDict(let keys, let isAveraged, let leftOut) = note else { return note }
        let rest = leftOut.filter { name in
          !others.contains { name == $0 || name == $0 + ".*" }
        }
        return .tookStateDict(keys: keys, isAveraged: isAveraged, leftOut: rest)
      } + [.otherAverages(others)]
    return copy
  }

  /// Takes what the averages lack from the weights of the last step.
  private mutating func complete(
    _ partner: (set: PrefixedSets.Member, averages: [String: StoredTensor])
  ) {
    let kept = partner.set.tensors.map(\.name).filter { partner.averages[$0] == nil }
    tensors = partner.set.tensors.map { partner.averages[$0.name] ?? $0 }
    if !kept.isEmpty { notes.append(.completedAverage(kept)) }
  }

  /// Whether weights of other names may be those of the same model: about as many, with mostly the same
  /// shapes, or more than the other ones.
  private static func fit(of weights: [StoredTensor], with last: PrefixedSets) -> Fit {
    let shapes = Set(last.members.last { $0.prefix.isEmpty }?.tensors.map(\.shape) ?? [])
    let known = weights.count { shapes.contains($0.shape) }
    let areAlike = 4 * weights.count >= 3 * last.count && 4 * known >= 3 * weights.count
    guard weights.count > last.count || areAlike else {
      return .none(
        form: "\(weights.count) tensors whose names and shapes are not those of the weights")
    }
    return .possible
  }
}
