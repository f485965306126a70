internal import Files
internal import ImageData

/// The texts of a PNG file, as `png-info` answers them. A file without texts has empty ones.
struct WebUIPNGInfo {
  private let texts: [(key: String, text: String)]

  /// Texts of a file.
  init(_ bytes: [UInt8]) {
    texts = ["parameters", "dit"].compactMap { key in
      bytes.withUnsafeBufferPointer { (try? PNGText.text(key, in: $0)) ?? nil }.map { (key, $0) }
    }
  }

  /// The response.
  var json: JSON {
    let info = texts.first { $0.key == "parameters" }?.text ?? ""
    return .object([
      ("info", .string(info)), ("items", .object(texts.map { ($0.key, .string($0.text)) })),
      ("parameters", .object(WebUIPNGInfo.parameters(in: info))),
    ])
  }

  /// The names and values of the last line, and the prompt before it.
  static func parameters(in info: String) -> [(key: String, value: JSON)] {
    let lines = info.split(separator: "\n", omittingEmptySubsequences: false)
    guard let last = lines.last, lines.count > 1 else { return [] }
    let prompt = lines.dropLast().joined(separator: "\n")
    var members: [(key: String, value: JSON)] = [("Prompt", .string(prompt))]
    guard last.utf8.count <= WebUIPNGInfo.lengthLimit else { return members }
    var names: Set<Substring> = ["Prompt"]
    var rest = last
    while let (name, value) = WebUIPNGInfo.nextField(&rest) {
      guard !name.isEmpty, names.insert(name).inserted else { continue }
      let text = value.first == "\"" ? WebUIPNGInfo.unquoted(value) : String(value)
      members.append((String(name), .string(text)))
    }
    return members
  }

  /// Longer lines are no list of settings.
  private static let lengthLimit = 64 << 10

  /// Takes the next `name: value`, up to a comma; a value in quotation marks may have commas. nil at the end;
  /// an empty name for text without a colon.
  private static func nextField(_ rest: inout Substring) -> (name: Substring, value: Substring)? {
    guard !rest.isEmpty else { return nil }
    defer { rest = rest.dropFirst() }
    let name = rest.prefix { $0 != ":" && $0 != "," }.drop { $0 == " " }
    rest = rest.drop { $0 != ":" && $0 != "," }
    guard rest.first == ":" else { return ("", "") }
    rest = rest.dropFirst().drop { $0 == " " }
    guard rest.first == "\"" else {
      let value = rest.prefix { $0 != "," }
      rest = rest.drop { $0 != "," }
      return (name, value)
    }
    let start = rest.startIndex
    var isEscaped = false
    rest = rest.dropFirst()
    while let character = rest.popFirst(), isEscaped || character != "\"" {
      isEscaped = !isEscaped && character == "\\"
    }
    let value = rest.base[start..<rest.startIndex]
    rest = rest.drop { $0 != "," }
    return (name, value)
  }

  private static func unquoted(_ value: Substring) -> String {
    let json = Array(value.utf8).withUnsafeBytes { try? JSON(reading: $0) }
    guard case .string(let text)? = json else { return String(value) }
    return text
  }
}
