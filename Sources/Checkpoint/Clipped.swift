/// A text from a file, quoted for a message: at most 100 characters, and no control characters.
func clipped(_ text: String) -> String {
  var result = ""
  for scalar in text.unicodeScalars.prefix(100) {
    if scalar.properties.generalCategory == .control {
      result += "?"
    } else {
      result.unicodeScalars.append(scalar)
    }
  }
  return "'\(result)\(text.unicodeScalars.dropFirst(100).isEmpty ? "" : "...")'"
}
