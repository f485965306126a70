/// What is wrong with a text that should be JSON.
package struct JSONError: Error, Equatable, CustomStringConvertible {
  /// The cause.
  package let reason: String
  /// The byte near which it stands, from 0.
  package let offset: Int

  package var description: String { "wrong near byte \(offset): \(reason)" }
}

/// Takes strings, natural numbers and flat lists from strict JSON (RFC 8259), one after the other.
///
/// The caller says what comes next, so input cannot nest deeper than the caller does. Repeated keys reach
/// the caller, who can refuse them.
package struct JSONReader {
  private let bytes: UnsafeRawBufferPointer
  private var offset = 0

  /// Reads a text from its start.
  package init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// An error at the current byte.
  package func error(_ reason: String) -> JSONError { JSONError(reason: reason, offset: offset) }

  /// Takes an object; `member` gets each key and must take its value.
  package mutating func object(_ member: (inout JSONReader, String) throws -> Void) throws {
    try expect("{")
    guard !accept("}") else { return }
    repeat {
      let key = try string()
      try expect(":")
      try member(&self, key)
    } while accept(",")
    try expect("}")
  }

  /// Takes a list of natural numbers.
  package mutating func integers(atMost limit: Int) throws -> [Int] {
    try expect("[")
    var numbers: [Int] = []
    guard !accept("]") else { return numbers }
    repeat {
      guard numbers.count < limit else { throw error("a list of more than \(limit) numbers") }
      numbers.append(try integer())
    } while accept(",")
    try expect("]")
    return numbers
  }

  /// Takes a string.
  package mutating func string() throws -> String {
    try expect("\"")
    var text: [UInt8] = []
    while true {
      let byte = try next()
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else {
          throw error("text that is not UTF-8")
        }
        return string
      case UInt8(ascii: "\\"): try appendEscape(to: &text)
      case ..<0x20: throw error("a control character in a string")
      default: text.append(byte)
      }
    }
  }

  /// Checks that only white space follows.
  package mutating func end() throws {
    skipSpace()
    guard offset == bytes.count else { throw error("more after the last bracket") }
  }

  /// Takes any value.
  ///
  /// - Parameter depth: how deep lists and objects may nest.
  /// - Returns: the value; members keep their order, and a key comes once.
  /// - Throws: `JSONError`, also for deeper nesting and a number beyond a `Double`.
  package mutating func value(depth: Int) throws -> JSON {
    skipSpace()
    switch peek() {
    case UInt8(ascii: "{"):
      guard depth > 0 else { throw error("nested too deep") }
      var members: [(key: String, value: JSON)] = []
      var keys: Set<String> = []
      try object { reader, key in
        guard keys.insert(key).inserted else { throw reader.error("'\(key)' comes twice") }
        members.append((key, try reader.value(depth: depth - 1)))
      }
      return .object(members)
    case UInt8(ascii: "["):
      guard depth > 0 else { throw error("nested too deep") }
      return .array(try array(depth: depth - 1))
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return try number()
    }
  }

  private mutating func array(depth: Int) throws -> [JSON] {
    try expect("[")
    var items: [JSON] = []
    guard !accept("]") else { return items }
    repeat { items.append(try value(depth: depth)) } while accept(",")
    try expect("]")
    return items
  }

  private mutating func word(_ word: StaticString, _ value: JSON) throws -> JSON {
    for byte in UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount) {
      guard try next() == byte else { throw error("a value is expected") }
    }
    return value
  }

  /// A number: an integer if it is written as one and fits.
  private mutating func number() throws -> JSON {
    let start = offset
    if peek() == UInt8(ascii: "-") { offset += 1 }
    let first = peek()
    let count = digits()
    guard count > 0 else { throw error("a value is expected") }
    guard first != UInt8(ascii: "0") || count == 1 else {
      throw error("a number with a leading zero")
    }
    var isInteger = true
    if peek() == UInt8(ascii: ".") {
      isInteger = false
      offset += 1
      guard digits() > 0 else { throw error("a number ends in its point") }
    }
    if let byte = peek(), byte | 0x20 == UInt8(ascii: "e") {
      isInteger = false
      offset += 1
      if let sign = peek(), sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { offset += 1 }
      guard digits() > 0 else { throw error("a number lacks its exponent") }
    }
    let text = String(decoding: bytes[start..<offset], as: UTF8.self)
    if isInteger, let value = Int(text) { return .integer(value) }
    if isInteger, let value = UInt64(text) { return .unsigned(value) }
    guard let value = Double(text), value.isFinite else { throw error("a number beyond 64 bits") }
    return .number(value)
  }

  /// Takes digits.
  private mutating func digits() -> Int {
    let start = offset
    while let byte = peek(), (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { offset += 1 }
    return offset - start
  }

  private mutating func integer() throws -> Int {
    skipSpace()
    let start = offset
    var value = 0
    while let digit = peek(), (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) {
      let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = tens.addingReportingOverflow(Int(digit - UInt8(ascii: "0")))
      guard !overflow, !carry else { throw error("a number beyond 64 bits") }
      value = sum
      offset += 1
    }
    guard offset > start else {
      throw error(peek() == UInt8(ascii: "-") ? "a negative number" : "a number is expected")
    }
    guard offset == start + 1 || bytes[start] != UInt8(ascii: "0") else {
      throw error("a number with a leading zero")
    }
    return value
  }

  private mutating func appendEscape(to text: inout [UInt8]) throws {
    switch try next() {
    case UInt8(ascii: "\""): text.append(UInt8(ascii: "\""))
    case UInt8(ascii: "\\"): text.append(UInt8(ascii: "\\"))
    case UInt8(ascii: "/"): text.append(UInt8(ascii: "/"))
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"): text.append(contentsOf: String(try unicodeEscape()).utf8)
    default: throw error("an unknown escape in a string")
    }
  }

  /// The character after `\u`: one group of four digits, or two for a surrogate pair.
  private mutating func unicodeEscape() throws -> Unicode.Scalar {
    var units = [try hexadecimal()]
    if UTF16.isLeadSurrogate(units[0]) {
      guard try next() == UInt8(ascii: "\\"), try next() == UInt8(ascii: "u") else {
        throw error("half a surrogate pair")
      }
      units.append(try hexadecimal())
    }
    guard let text = String(validating: units, as: UTF16.self),
      let scalar = text.unicodeScalars.first
    else { throw error("half a surrogate pair") }
    return scalar
  }

  private mutating func hexadecimal() throws -> UInt16 {
    var value: UInt16 = 0
    for _ in 0..<4 {
      guard let digit = Character(Unicode.Scalar(try next())).hexDigitValue else {
        throw error("\\u needs four hexadecimal digits")
      }
      value = value << 4 | UInt16(digit)
    }
    return value
  }

  private func peek() -> UInt8? { offset < bytes.count ? bytes[offset] : nil }

  private mutating func next() throws -> UInt8 {
    guard let byte = peek() else { throw error("it ends too soon") }
    offset += 1
    return byte
  }

  private mutating func skipSpace() {
    while let byte = peek(), byte == 0x20 || (0x09...0x0A).contains(byte) || byte == 0x0D {
      offset += 1
    }
  }

  private mutating func accept(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard peek() == UInt8(ascii: character) else { return false }
    offset += 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws {
    guard accept(character) else { throw error("'\(Character(character))' is expected") }
  }
}
