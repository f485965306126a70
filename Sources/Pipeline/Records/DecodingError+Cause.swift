extension DecodingError {
  /// What is wrong, with the key, on one line.
  var cause: String {
    let text: String
    switch self {
    case .keyNotFound(let key, _): text = "'\(key.stringValue)' is missing"
    case .dataCorrupted(let context), .typeMismatch(_, let context), .valueNotFound(_, let context):
      let key = context.codingPath.last.map { "'\($0.stringValue)': " } ?? ""
      text = key + context.debugDescription
    @unknown default: text = "\(self)"
    }
    // Names of keys may be anything.
    return text.replacing(/[\x00-\x1F\x7F]/, with: "?")
  }
}
