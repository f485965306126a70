/// Suggestions for misspelled words.
public enum Spelling {
  /// The candidate nearest to a word, ignoring case; nil if none is near.
  ///
  /// A candidate is near if it contains the word, or if its edit distance (Levenshtein 1966) is at most
  /// a third of the word's length.
  public static func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
    let word = Array(word.lowercased())
    var best: (distance: Int, candidate: String)?
    for candidate in candidates {
      let other = Array(candidate.lowercased())
      let distance = distance(word, other)
      let contains = word.count >= 3 && candidate.lowercased().contains(String(word))
      guard contains || distance <= max(1, word.count / 3) else { continue }
      if best.map({ distance < $0.distance }) ?? true { best = (distance, candidate) }
    }
    return best?.candidate
  }

  private static func distance(_ a: [Character], _ b: [Character]) -> Int {
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, y) in b.enumerated() {
        let change = diagonal + (x == y ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(change, row[j] + 1, diagonal + 1)
      }
    }
    return row[b.count]
  }
}
