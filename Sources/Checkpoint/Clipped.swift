/// A text from a file in quotes for a message: no longer than a line and without control characters.
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
