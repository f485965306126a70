internal import Files
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

extension Request {
  /// The object in the body.
  ///
  /// - Parameter limit: bytes that the body may have.
  /// - Returns: its members.
  /// - Throws: `APIError` for another type, too many bytes, and what is no object in JSON.
  func jsonObject(limit: Int) async throws -> JSONFields {
    let type = headers[.contentType] ?? ""
    let media = type.prefix { $0 != ";" }.lowercased().filter { $0 != " " }
    guard media == "application/json" || media.hasSuffix("+json") else {
      throw APIError(
        .unsupportedMediaType, "unsupported_media_type",
        "the body has to be JSON, with Content-Type: application/json")
    }
    let buffer = try await content(limit: limit)
    do {
      let value = try buffer.withUnsafeReadableBytes { try JSON(reading: $0) }
      guard case .object(let members) = value else { throw APIError.json("the body is no object") }
      return JSONFields(members)
    } catch let error as JSONError {
      throw APIError.json("the body is no JSON, \(error)")
    }
  }

  private func content(limit: Int) async throws -> ByteBuffer {
    if let length = headers[.contentLength].flatMap({ Int($0) }), length > limit {
      throw APIError.tooLarge(limit)
    }
    var content = ByteBuffer()
    for try await var part in body {
      guard content.readableBytes + part.readableBytes <= limit else {
        throw APIError.tooLarge(limit)
      }
      content.writeBuffer(&part)
    }
    return content
  }
}

/// The members of an object that a client sent. A member that is null counts as none.
struct JSONFields {
  /// In their order.
  let members: [(key: String, value: JSON)]
  /// The keys of all members, also of those that are null.
  let keys: [String]

  init(_ members: [(key: String, value: JSON)]) {
    keys = members.map(\.key)
    self.members = members.filter { member in
      if case .null = member.value { return false }
      return true
    }
  }

  /// The value of a key; nil for none.
  subscript(_ key: String) -> JSON? { members.first { $0.key == key }?.value }

  /// A text; nil for none.
  func string(_ key: String) throws(APIError) -> String? {
    try self[key].map { value throws(APIError) in
      guard case .string(let text) = value else { throw .invalid(key, "\(key) has to be a text") }
      return text
    }
  }

  /// A text of a few; nil for none.
  func choice<Value: RawRepresentable<String> & CaseIterable>(
    _ key: String, of type: Value.Type
  ) throws(APIError) -> Value? {
    try string(key).map { text throws(APIError) in
      guard let value = Value(rawValue: text) else {
        let known = type.allCases.map(\.rawValue).joined(separator: ", ")
        throw .invalid(key, "\(key) is '\(text.clipped)': it can be \(known)")
      }
      return value
    }
  }

  /// An integer in a range; nil for none.
  func integer(_ key: String, in range: ClosedRange<Int>) throws(APIError) -> Int? {
    try self[key].map { value throws(APIError) in
      guard let number = value.integer, range.contains(number) else {
        throw .invalid(
          key,
          "\(key) is \(value.text.clipped): it has to be an integer from \(range.lowerBound) to"
            + " \(range.upperBound)")
      }
      return number
    }
  }

  /// A number in a range; nil for none.
  func number(_ key: String, in range: ClosedRange<Double>) throws(APIError) -> Double? {
    try self[key].map { value throws(APIError) in
      guard let number = value.double, range.contains(number) else {
        throw .invalid(
          key,
          "\(key) is \(value.text.clipped): it has to be a number from"
            + " \(JSON.compact(range.lowerBound).text) to \(JSON.compact(range.upperBound).text)")
      }
      return number
    }
  }

  /// True or false; nil for none.
  func flag(_ key: String) throws(APIError) -> Bool? {
    try self[key].map { value throws(APIError) in
      guard case .bool(let flag) = value else {
        throw .invalid(key, "\(key) has to be true or false")
      }
      return flag
    }
  }
}

extension JSON {
  /// The value as an integer; nil for any other. 4.0 is one.
  var integer: Int? {
    switch self {
    case .integer(let number): number
    case .number(let number): Int(exactly: number)
    default: nil
    }
  }

  /// The value as a number; nil for any other.
  var double: Double? {
    switch self {
    case .integer(let number): Double(number)
    case .unsigned(let number): Double(number)
    case .number(let number): number
    default: nil
    }
  }

  /// A number, without a point if it is whole.
  static func compact(_ number: Double) -> JSON {
    Int(exactly: number).map(JSON.integer) ?? .number(number)
  }
}

extension String {
  /// The beginning of a text that a client sent, for messages.
  var clipped: String { count <= 80 ? self : prefix(77) + "..." }
}
