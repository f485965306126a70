internal import Foundation

/// Finds classes by their names and synonyms, ignoring case and the spaces around commas.
struct ClassNameIndex {
  /// The most parts between commas that a name has.
  let longestName: Int
  /// Every synonym, as written.
  let synonyms: [String]

  /// Classes by name: whole names, then whole lists of synonyms, then single synonyms. Later ones count
  /// where earlier ones have no entry.
  private let levels: [[String: [Int]]]

  /// The index of class names by label.
  ///
  /// Each part of a name between commas is a synonym, as in diffusers' `DiTPipeline`; so are the words of
  /// a class of ImageNet, and its number in WordNet.
  init(_ names: [String]) {
    var levels: [[String: [Int]]] = [[:], [:], [:]]
    func add(_ name: String, _ label: Int, at level: Int) {
      let key = ClassNameIndex.key(name)
      if levels[level][key]?.last != label { levels[level][key, default: []].append(label) }
    }
    let parts = ClassNameIndex.synonyms(of: names)
    for (label, (name, synset)) in zip(names, ImageNetSynset.of(names)).enumerated() {
      add(name, label, at: 0)
      if let synset { add(synset.words, label, at: 1) }
      for part in parts[label] { add(part, label, at: 2) }
    }
    self.levels = levels
    synonyms = parts.flatMap(\.self)
    longestName =
      levels.flatMap(\.keys).map { ClassNameIndex.parts(of: $0).count }.max() ?? 1
  }

  /// The parts and words of each name, without the name itself. A part may be another class's too.
  static func synonyms(of names: [String]) -> [[String]] {
    zip(names, ImageNetSynset.of(names)).map { name, synset in
      let parts =
        parts(of: name) + parts(of: synset?.words ?? "")
        + [synset?.name, synset?.number].compactMap { $0 }
      return parts.filter { !$0.isEmpty && $0 != name }
    }
  }

  /// The classes that a name stands for, ascending; empty if it is unknown.
  func labels(of name: String) -> [Int] {
    let key = ClassNameIndex.key(name)
    return levels.lazy.compactMap { $0[key] }.first ?? []
  }

  private static func key(_ name: String) -> String {
    parts(of: name).joined(separator: ",").lowercased()
  }

  private static func parts(of name: String) -> [String] {
    name.split(separator: ",", omittingEmptySubsequences: false).map {
      $0.trimmingCharacters(in: .whitespacesAndNewlines)
    }
  }
}
