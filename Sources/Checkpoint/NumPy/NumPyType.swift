package import Torch

/// The type of an array's elements, as NumPy spells it: `<f8`, `|u1`.
///
/// Source: NumPy's array interface protocol, `typestr`.
package struct NumPyType: Equatable, Sendable, CustomStringConvertible {
  /// NumPy's spelling; empty for records.
  package let spelling: String
  /// The kind: `f`, `u`, `i`, `b`, `U`, `S`, `c`, `O` and others; nil for records.
  package let kind: Character?
  /// The bytes of an element; nil if the spelling does not tell.
  package let byteCount: Int?
  /// Whether the bytes of a number are in the order of this processor.
  package let isNative: Bool

  /// A spelled type.
  init(_ spelling: String) {
    self.spelling = spelling
    var rest = spelling[...]
    var order = "|"
    if let first = rest.first, "<>|=".contains(first) {
      order = String(first)
      rest.removeFirst()
    }
    kind = rest.popFirst()
    let count = rest.isEmpty ? nil : Int(rest)
    // U counts characters of 4 bytes.
    byteCount = kind == "U" ? count.flatMap { $0 < Int32.max ? 4 * $0 : nil } : count
    isNative = order != ">" || byteCount == 1
  }

  /// The type of records.
  static let record = NumPyType("")

  /// The type of tensors with these numbers; nil if there is none.
  package var dtype: DType? {
    switch (kind, byteCount) {
    case ("u", 1): .uint8
    case ("b", 1): .bool
    case ("i", 1): .int8
    case ("i", 2): .int16
    case ("i", 4): .int32
    case ("i", 8): .int64
    case ("f", 2): .float16
    case ("f", 4): .float32
    case ("f", 8): .float64
    default: nil
    }
  }

  /// The type of a tensor's elements on this processor; nil if NumPy has none.
  init?(of dtype: DType) {
    switch dtype {
    case .uint8: self.init("|u1")
    case .int8: self.init("|i1")
    case .bool: self.init("|b1")
    case .int16: self.init("<i2")
    case .int32: self.init("<i4")
    case .int64: self.init("<i8")
    case .float16: self.init("<f2")
    case .float32: self.init("<f4")
    case .float64: self.init("<f8")
    case .bfloat16, .float8e5m2, .float8e4m3: return nil
    }
  }

  /// A name for messages, such as "float64" or "Python objects".
  package var description: String {
    if let dtype { return dtype.description }
    return switch kind {
    case nil: "records"
    case "O": "Python objects"
    case "U", "S": "texts"
    case "u": "uint\(8 * (byteCount ?? 0))"
    case "c": "complex\(8 * (byteCount ?? 0))"
    default: clipped(spelling)
    }
  }
}
