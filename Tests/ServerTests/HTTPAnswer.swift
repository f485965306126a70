import Files
import Foundation

/// A response as it came.
struct HTTPAnswer: Sendable {
  var status = 0
  /// By name in lower case; the last of several.
  var headers: [String: String] = [:]
  var body: [UInt8] = []

  /// The body as text.
  var text: String { String(decoding: body, as: UTF8.self) }

  /// The body as JSON.
  var json: JSON {
    get throws { try body.withUnsafeBytes { try JSON(reading: $0) } }
  }
}

/// Reads responses from a connection.
struct HTTPReader {
  private let connection: RawConnection
  private var buffer: [UInt8] = []

  init(_ connection: RawConnection) { self.connection = connection }

  /// The next response; nil if the connection ends before.
  mutating func answer(toHead isHead: Bool = false) async throws -> HTTPAnswer? {
    guard var answer = try await head() else { return nil }
    if isHead || answer.status == 204 || answer.status < 200 { return answer }
    if let length = answer.headers["content-length"].flatMap({ Int($0) }) {
      guard try await fill(length) else { return nil }
      answer.body = take(length)
    } else {
      while let chunk = try await chunk(), !chunk.isEmpty { answer.body += chunk }
    }
    return answer
  }

  /// The head of a response, without its body.
  mutating func head() async throws -> HTTPAnswer? {
    let end = Array("\r\n\r\n".utf8)
    guard let place = try await find(end) else { return nil }
    let lines = String(decoding: take(place), as: UTF8.self).components(separatedBy: "\r\n")
    _ = take(4)
    var answer = HTTPAnswer()
    answer.status = Int(lines[0].split(separator: " ")[1]) ?? 0
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { continue }
      answer.headers[line[..<colon].lowercased()] = line[line.index(after: colon)...]
        .trimmingCharacters(in: .whitespaces)
    }
    return answer
  }

  /// The next chunk of a body; empty for the last, nil if the connection ends before.
  mutating func chunk() async throws -> [UInt8]? {
    guard let place = try await find(Array("\r\n".utf8)) else { return nil }
    let size = Int(String(decoding: take(place), as: UTF8.self), radix: 16) ?? 0
    _ = take(2)
    guard try await fill(size + 2) else { return nil }
    let chunk = take(size)
    _ = take(2)
    return chunk
  }

  private mutating func find(_ text: [UInt8]) async throws -> Int? {
    var start = 0
    while true {
      if buffer.count >= text.count {
        for place in start...(buffer.count - text.count)
        where buffer[place] == text[0] && buffer[place..<place + text.count].elementsEqual(text) {
          return place
        }
        start = buffer.count - text.count + 1
      }
      guard try await more() else { return nil }
    }
  }

  private mutating func fill(_ count: Int) async throws -> Bool {
    while buffer.count < count {
      guard try await more() else { return false }
    }
    return true
  }

  private mutating func more() async throws -> Bool {
    let bytes = try await connection.receive()
    buffer += bytes
    return !bytes.isEmpty
  }

  private mutating func take(_ count: Int) -> [UInt8] {
    defer { buffer.removeFirst(count) }
    return Array(buffer[..<count])
  }
}

extension JSON {
  /// A member of an object; null for none.
  subscript(_ key: String) -> JSON {
    guard case .object(let members) = self else { return .null }
    return members.first { $0.key == key }?.value ?? .null
  }

  /// An item of a list; null for none.
  subscript(_ index: Int) -> JSON {
    guard case .array(let items) = self, items.indices.contains(index) else { return .null }
    return items[index]
  }

  /// The items of a list.
  var items: [JSON] { if case .array(let items) = self { items } else { [] } }
  /// The keys of an object.
  var keys: [String] { if case .object(let members) = self { members.map(\.key) } else { [] } }
  /// A text.
  var string: String? { if case .string(let text) = self { text } else { nil } }
  /// An integer.
  var int: Int? { if case .integer(let number) = self { number } else { nil } }
}
