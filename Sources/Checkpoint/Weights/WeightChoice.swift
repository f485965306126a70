extension CheckpointContents {
  /// Takes one set of weights, under the names of the model alone.
  ///
  /// - Parameters:
  ///   - weights: which set to take.
  ///   - isMindSpore: whether MindSpore wrote the file.
  /// - Throws: `CheckpointError` if that set is missing, or cannot be read.
  mutating func choose(_ weights: WeightSet, isMindSpore: Bool = false) throws {
    guard weights != .all else {
      notes = table.notes + notes
      return
    }
    let renamed = WrapperNames.removed(table.tensors, isMindSpore: isMindSpore)
    let flat = FlatWeights(renamed.tensors)
    if let unread = flat.unread { unreadAverages.append(unread) }
    if !flat.optimizer.isEmpty { notes.append(.leftOutOptimizer(flat.optimizer)) }
    let model = WrapperNames.removed(flat.last, isMindSpore: isMindSpore)
    let last = StateTable(
      keys: table.keys, tensors: model.tensors,
      notes: table.notes + flat.lastNotes + renamed.notes + model.notes)
    let flatAverages = flat.averages.map { inner in
      StateTable(
        keys: table.keys + inner.keys, tensors: inner.tensors,
        notes: table.notes + renamed.notes + inner.notes)
    }
    if weights != .last {
      if try take(averages.map(inner), with: last.tensors, isMindSpore) { return }
      if try take(flatAverages, with: flat.last, isMindSpore) { return }
    }
    guard weights != .averaged else { throw weights.missing(unreadAverages) }
    guard !last.tensors.isEmpty else { throw weights.missing(unreadAverages) }
    table = last
    notes = last.notes + notes
    if weights == .automatic {
      notes += unreadAverages.map { .unreadAverage(place: $0.place, form: $0.form) }
    }
  }

  /// Takes averages, completed from the weights of the last step; false if there are none that fit.
  private mutating func take(
    _ candidates: [StateTable], with last: [StoredTensor], _ isMindSpore: Bool
  ) throws -> Bool {
    let choice = try AverageChoice(candidates, with: PrefixedSets(last))
    unreadAverages = choice.unread + unreadAverages
    guard let average = choice.average else { return false }
    let unwrapped = WrapperNames.removed(average.tensors, isMindSpore: isMindSpore)
    table = StateTable(keys: average.keys, tensors: unwrapped.tensors)
    notes = average.notes + unwrapped.notes + notes
    return true
  }

  /// Averages without the wrappers' parts of names; of a module that also has the weights of the last
  /// step, the averages alone.
  private func inner(_ average: StateTable) -> StateTable {
    var average = average
    guard !average.isList else { return average }
    let renamed = WrapperNames.removed(average.tensors)
    average.tensors = renamed.tensors
    average.notes += renamed.notes
    let inner = FlatWeights(average.tensors).averages
    if inner.count == 1 {
      average.keys += inner[0].keys
      average.tensors = inner[0].tensors
      average.notes += inner[0].notes
    }
    return average
  }
}
