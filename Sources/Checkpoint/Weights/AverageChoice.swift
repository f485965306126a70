/// The averages to take among several that a file may have.
struct AverageChoice {
  /// The averages; nil if the file has none that can be taken.
  private(set) var average: AverageCompletion?
  /// What sounds like averages, and is none that can be taken.
  private(set) var unread: [UnreadAverage] = []

  /// Keys that mean the one average of a file.
  private static let usualKeys: Set = [
    "ema", "ema_model", "ema_model_state_dict", "ema_state_dict", "model_ema",
    "model_ema_state_dict", "model_state_dict_ema", "state_dict_ema",
  ]
  /// Keys of values in which `torch_ema` and diffusers keep the average.
  private static let listKey = "shadow_params"

  /// Takes the averages that fit the weights of the last step. Of several that fit and differ, the one
  /// under a usual key is taken.
  ///
  /// - Parameters:
  ///   - candidates: the averages.
  ///   - last: the weights of the last step.
  /// - Throws: `CheckpointError` that names all that fit, if none or several have a usual key.
  init(_ candidates: [StateTable], with last: PrefixedSets) throws {
    let found = candidates.map { AverageCompletion($0, with: last) }
    unread = found.compactMap { candidate in
      guard case .none(let form) = candidate.fit else { return nil }
      return UnreadAverage(place: AverageChoice.place(candidate), form: form)
    }
    var fitting = found.filter { $0.fit == .exact }
    if last.count == 0 || fitting.isEmpty {
      // The largest: a file may keep averages of other things.
      let others = fitting.isEmpty ? found.filter { $0.fit == .possible } : fitting
      let count = others.map(\.tensors.count).max()
      fitting = others.filter { $0.tensors.count == count }
    }
    guard let first = fitting.first else { return }
    let places = AverageChoice.numbers(first)
    let others = fitting.dropFirst().filter { AverageChoice.numbers($0) != places }
    guard !others.isEmpty else {
      average = first
      return
    }
    let different = [first] + others
    let usual = different.filter { AverageChoice.isUsual($0.keys) }
    guard usual.count == 1 else {
      throw CheckpointError(
        last.count == 0 ? .unsupported : .severalAverages,
        "the file has \(different.count) sets of averaged weights (EMA) that fit equally well, under"
          + " \(nameList(different.map(AverageChoice.place))); save the one to take in a file of its own"
      )
    }
    let own = AverageChoice.place(usual[0])
    average = usual[0].beside(different.map(AverageChoice.place).filter { $0 != own })
  }

  /// The keys of averages as one text.
  private static func place(_ average: AverageCompletion) -> String {
    average.keys.joined(separator: ".")
  }

  /// Whether averages lie where trainers keep the only ones.
  private static func isUsual(_ keys: [String]) -> Bool {
    let keys = keys.filter { $0 != listKey }
    return keys.count == 1 && usualKeys.contains(keys[0].lowercased())
  }

  /// The places of all numbers by name.
  private static func numbers(_ average: AverageCompletion) -> [String: StoredTensor] {
    Dictionary(average.tensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
  }
}
