/// At most eight names from a file, quoted for a message, and how many more there are.
package func nameList(_ names: [String]) -> String {
  let rest = names.count - 8
  return names.prefix(8).map { clipped($0) }.joined(separator: ", ")
    + (rest > 0 ? " and \(rest) more" : "")
}

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
