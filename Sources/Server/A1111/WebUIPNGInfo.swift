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
    // A value in quotation marks may have commas.
    for match in last.matches(of: /([\w ]+):\s*("(?:\\.|[^\\"])*"|[^,]*)(?:,|$)/) {
      let key = match.1.drop { $0 == " " }
      let value = match.2
      let text = value.first == "\"" ? WebUIPNGInfo.unquoted(value) : String(value)
      if !members.contains(where: { $0.key == key }) {
        members.append((String(key), .string(text)))
      }
    }
    return members
  }

  private static func unquoted(_ value: Substring) -> String {
    let json = Array(value.utf8).withUnsafeBytes { try? JSON(reading: $0) }
    guard case .string(let text)? = json else { return String(value) }
    return text
  }
}
