internal import ArgumentParser
internal import Files

/// How a benchmark shows its result.
struct BenchmarkOutput: ParsableArguments {
  @Option(help: "Print one JSON object.") var json = false

  /// Prints the result.
  ///
  /// - Parameters:
  ///   - text: for people.
  ///   - fields: for programs; those that are nil are left out.
  /// - Throws: if a number is not finite.
  func show(_ text: String, _ fields: [String: Any?]) throws {
    try StandardOutput.write(json ? try JSON.line(fields.compactMapValues { $0 }) : text)
  }
}
