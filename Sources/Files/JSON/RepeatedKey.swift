internal import Foundation

/// A key that an object of a JSON text has twice. Readers take the one or the other without a word.
package struct RepeatedKey: Equatable, CustomStringConvertible {
  /// The key.
  package let key: String
  /// The lines of the text in which it stands, from 1.
  package let lines: [Int]

  /// The deepest nesting to look at, that of Foundation's reader.
  private static let maximumDepth = 512

  /// Finds the first one; nil for a text without any. A text that is no JSON is its reader's affair.
  package init?(in bytes: UnsafeRawBufferPointer) {
    var objects: [[String: Int]?] = []
    var (line, index, isKeyNext) = (1, 0, false)
    while index < bytes.count {
      let byte = bytes[index]
      index += 1
      switch byte {
      case UInt8(ascii: "\n"): line += 1
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        guard objects.count < RepeatedKey.maximumDepth else { return nil }
        isKeyNext = byte == UInt8(ascii: "{")
        objects.append(isKeyNext ? [:] : nil)
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        _ = objects.popLast()
        isKeyNext = false
      case UInt8(ascii: ","): isKeyNext = objects.last.map { $0 != nil } ?? false
      case UInt8(ascii: "\""):
        let start = index - 1
        while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
          index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        index += 1
        guard index <= bytes.count else { return nil }
        guard isKeyNext else { continue }
        isKeyNext = false
        let place = objects.count - 1
        guard let key = RepeatedKey.text(bytes[start..<index]) else { return nil }
        if let first = objects[place]?.updateValue(line, forKey: key) {
          (self.key, lines) = (key, [first, line])
          return
        }
      default: break
      }
    }
    return nil
  }

  /// What is wrong, after the name of the file.
  package var description: String {
    "'\(key)' stands twice, in "
      + (lines[0] == lines[1] ? "line \(lines[0])" : "lines \(lines[0]) and \(lines[1])")
      + "; remove one"
  }

  /// The text of a string with its quotation marks.
  private static func text(_ bytes: Slice<UnsafeRawBufferPointer>) -> String? {
    guard bytes.contains(UInt8(ascii: "\\")) else {
      return String(validating: bytes.dropFirst().dropLast(), as: UTF8.self)
    }
    return try? JSONDecoder().decode(String.self, from: Data(bytes))
  }
}
