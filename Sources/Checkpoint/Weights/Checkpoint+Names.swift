extension Checkpoint {
  /// The names of numbers of the training, such as counts of steps, which some files keep next to the
  /// weights. In MindSpore's files all numbers are tensors.
  package var numbers: [String] {
    entries.filter { entry in
      StoredTensor.known(entry).isNumber
        && (format == .mindspore || WeightNames.meansCounter(entry.name))
    }.map(\.name)
  }

  /// The first parts of names, each once, as `network.*`.
  package static func families(of names: [String]) -> [String] {
    var seen: Set<String> = []
    return names.map { name in
      let first = name.prefix { $0 != "." }
      return first.count == name.count ? name : first + ".*"
    }.filter { seen.insert($0).inserted }
  }
}
