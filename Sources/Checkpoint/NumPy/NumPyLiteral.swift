/// A Python literal, of the kinds that headers of NumPy's files have.
indirect enum NumPyLiteral: Equatable {
  case text(String)
  case number(Int)
  case bool(Bool)
  /// A tuple or list.
  case sequence([NumPyLiteral])
  case dictionary([String: NumPyLiteral])

  /// Reads a whole literal; nil for anything else, which is never evaluated.
  init?(_ text: String) {
    var reader = Reader(rest: Array(text.unicodeScalars)[...])
    guard let literal = reader.literal(depth: 0) else { return nil }
    reader.skipSpace()
    guard reader.rest.isEmpty else { return nil }
    self = literal
  }

  private struct Reader {
    var rest: ArraySlice<Unicode.Scalar>

    /// Literals within literals: a dictionary of a list of tuples with a shape in each.
    private static let maximumDepth = 8

    mutating func skipSpace() {
      rest = rest.drop { [" ", "\n", "\t", "\r"].contains($0) }
    }

    mutating func take(_ scalar: Unicode.Scalar) -> Bool {
      skipSpace()
      guard rest.first == scalar else { return false }
      rest.removeFirst()
      return true
    }

    mutating func literal(depth: Int) -> NumPyLiteral? {
      guard depth < Reader.maximumDepth else { return nil }
      skipSpace()
      switch rest.first {
      case "{": return dictionary(depth)
      case "(": return sequence(depth, end: ")")
      case "[": return sequence(depth, end: "]")
      case "'", "\"": return string().map(NumPyLiteral.text)
      case "T" where word("True"): return .bool(true)
      case "F" where word("False"): return .bool(false)
      default: return number()
      }
    }

    private mutating func word(_ word: String) -> Bool {
      guard rest.starts(with: word.unicodeScalars) else { return false }
      rest = rest.dropFirst(word.unicodeScalars.count)
      return true
    }

    private mutating func number() -> NumPyLiteral? {
      let digits = rest.prefix { ("0"..."9").contains($0) }
      rest = rest.dropFirst(digits.count)
      // Python 2 wrote long integers with an L.
      if rest.first == "L" { rest.removeFirst() }
      var text = String.UnicodeScalarView()
      text.append(contentsOf: digits)
      return Int(String(text)).map(NumPyLiteral.number)
    }

    private mutating func string() -> String? {
      guard let quote = rest.popFirst() else { return nil }
      var text = String.UnicodeScalarView()
      while let scalar = rest.popFirst() {
        if scalar == quote { return String(text) }
        guard scalar != "\\" else { return nil }
        text.append(scalar)
      }
      return nil
    }

    private mutating func sequence(_ depth: Int, end: Unicode.Scalar) -> NumPyLiteral? {
      rest.removeFirst()
      var items: [NumPyLiteral] = []
      while !take(end) {
        guard let item = literal(depth: depth + 1) else { return nil }
        items.append(item)
        guard take(",") else { return take(end) ? .sequence(items) : nil }
      }
      return .sequence(items)
    }

    private mutating func dictionary(_ depth: Int) -> NumPyLiteral? {
      rest.removeFirst()
      var items: [String: NumPyLiteral] = [:]
      while !take("}") {
        skipSpace()
        guard rest.first == "'" || rest.first == "\"", let key = string(), take(":"),
          let value = literal(depth: depth + 1), items.updateValue(value, forKey: key) == nil
        else { return nil }
        guard take(",") else { return take("}") ? .dictionary(items) : nil }
      }
      return .dictionary(items)
    }
  }
}
