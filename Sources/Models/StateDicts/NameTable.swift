internal import Torch

/// One dialect's names of parameters, next to the models' own.
///
/// A pattern stands for the first parts of a name; what follows stays. `#` stands for a number, and
/// `~` for one that the two sides count from opposite ends.
struct NameTable {
  /// The rows; the first that fits a name counts.
  let rows: [(foreign: String, own: String)]

  init(_ rows: [(foreign: String, own: String)]) { self.rows = rows }

  /// Finds the model's own name for a name of the dialect.
  ///
  /// - Parameters:
  ///   - name: the name in the dialect.
  ///   - count: how many numbers `~` counts.
  /// - Returns: the row that fits and the name; nil if none does.
  func own(_ name: String, of count: Int = 0) -> (row: Int, name: String)? {
    for (index, row) in rows.enumerated() {
      if let own = NameTable.translated(name, row.foreign, row.own, count) { return (index, own) }
    }
    return nil
  }

  /// The dialect's names for one of the model's own names, a name from each row that fits; a number
  /// that only the dialect has stays `#`.
  func foreign(_ name: String, of count: Int = 0) -> [String] {
    rows.compactMap { NameTable.translated(name, $0.own, $0.foreign, count) }
  }

  /// Joins the parts of one matrix or bias, a row each, such as query, key and value, from top to bottom.
  ///
  /// - Parameters:
  ///   - parts: by row.
  ///   - name: of the whole, for messages.
  /// - Returns: the whole.
  /// - Throws: `ModelError` if they do not fit together.
  func joined(_ parts: [Int: Tensor], _ name: String) throws -> Tensor {
    let tensors = rows.indices.compactMap { parts[$0] }
    guard tensors.count == rows.count, let first = tensors.first, first.rank > 0,
      tensors.allSatisfy({ $0.shape == first.shape && $0.dtype == first.dtype })
    else {
      throw ModelError(
        "query, key and value for '\(name)' are not all there, or differ in shape or type")
    }
    return withoutGradients { concatenated(tensors) }
  }

  /// The number in a parameter's name, of at most six digits; nil for other text. With a zero in front it
  /// is a name of its own: `01` is not `1`.
  static func number(_ text: some StringProtocol) -> Int? {
    guard text.utf8.count <= 6, text.first?.isNumber == true, text == "0" || text.first != "0"
    else { return nil }
    return Int(text)
  }

  private static func translated(
    _ name: String, _ source: String, _ target: String, _ count: Int
  ) -> String? {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    let pattern = source.split(separator: ".")
    guard parts.count >= pattern.count else { return nil }
    var numbers: [Int] = []
    for (part, expected) in zip(parts, pattern) {
      if let number = NameTable.number(part), expected == "#" || expected == "~" {
        numbers.append(expected == "~" ? count - 1 - number : number)
      } else if part != expected {
        return nil
      }
    }
    var rest = numbers[...]
    let translated = target.split(separator: ".").map { part in
      guard part == "#" || part == "~", let number = rest.popFirst() else { return part }
      return Substring(String(number))
    }
    return (translated + parts[pattern.count...]).joined(separator: ".")
  }
}
