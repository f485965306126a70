internal import Foundation
internal import Testing

/// Each block of Swift in the documents stands, line by line, in the source of a test, which is compiled.
@Suite struct DocumentedBlockTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// Lines between two of a block, such as checks.
  private static let gap = 3

  /// The files below some folders whose names pass.
  private static func files(
    _ folders: [String], _ isWanted: (String) -> Bool
  ) throws -> [URL] {
    try folders.flatMap { folder in
      try #require(FileManager.default.enumerator(atPath: root.appending(path: folder).path))
        .compactMap { $0 as? String }.filter(isWanted).map {
          root.appending(path: "\(folder)/\($0)")
        }
    }
  }

  /// Lines without margins, empty ones, imports, and the place of a file, which tests choose.
  private static func lines(_ text: some StringProtocol) -> [String] {
    text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
      .filter { !$0.isEmpty && !$0.hasPrefix("import ") && !$0.hasPrefix("let path = ") }
  }

  /// How many lines of a block follow each other in a source, at the place where most do.
  private static func matches(_ block: [String], in source: [String]) -> Int {
    source.indices.filter { source[$0] == block.first }.map { start in
      var place = start
      for (number, line) in block.enumerated() {
        let end = min(place + gap + 1, source.count)
        guard let found = source[place..<end].firstIndex(of: line) else { return number }
        place = found + 1
      }
      return block.count
    }.max() ?? 0
  }

  @Test func areCompiled() throws {
    // Decisions tell of the past.
    let documents =
      try Self.files(["docs", "Sources", "Models"]) {
        $0.hasSuffix(".md") && !$0.hasPrefix("decisions/")
      } + ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map { Self.root.appending(path: $0) }
    let sources = try Self.files(["Tests"]) { $0.contains("/Documented") && $0.hasSuffix(".swift") }
      .map { Self.lines(try String(contentsOf: $0, encoding: .utf8)) }
    var articles: Set<String> = []
    for document in documents {
      let text = try String(contentsOf: document, encoding: .utf8)
      for block in text.matches(of: /(?s)```swift\n(.*?)```/) {
        let lines = Self.lines(block.output.1)
        let matched = sources.map { Self.matches(lines, in: $0) }.max() ?? 0
        #expect(
          matched == lines.count,
          "\(document.lastPathComponent): no test has this line: \(lines.dropFirst(matched).first ?? "")"
        )
        articles.insert(document.lastPathComponent)
      }
    }
    #expect(
      articles.isSuperset(of: [
        "README.md", "FirstImage.md", "OwnSampler.md", "Training.md", "Serving.md", "SERVER.md",
      ]))
  }
}
