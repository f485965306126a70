internal import Files
internal import Testing

@Suite struct RepeatedKeyTests {
  private static func found(in text: String) -> RepeatedKey? {
    var text = text
    return text.withUTF8 { RepeatedKey(in: UnsafeRawBufferPointer($0)) }
  }

  @Test(arguments: [
    ("{\"a\": 1,\n\"b\": 2,\n\"a\": 3}", [1, 3]), (#"{"a": 1, "a": 1}"#, [1, 1]),
    ("{\n\"x\": {\"a\": [1, \"a\"],\n\"a\": {}}}", [2, 3]), (#"[{"a": {}, "\u0061": 2}]"#, [1, 1]),
    (#"{"a": "}", "a": "{"}"#, [1, 1]),
  ])
  func areFoundWithTheirLines(text: String, lines: [Int]) throws {
    let repeated = try #require(Self.found(in: text))
    #expect(repeated.key == "a" && repeated.lines == lines)
  }

  @Test(arguments: [
    "", "{", "}", "[]", #""a": 1, "a""#, #"{"a": {"a": 1}, "b": "a", "c": ["a", "a"]}"#,
    #"[{"a": 1}, {"a": 2}]"#, #"{"a\"": 1, "a": 2, "A": 3}"#, #"{"a": 1, "\"#, #"{"a": 1, "a"#,
    #"{"a":"a","b":"a"}"#,
  ])
  func areNotSeenInOtherTexts(text: String) { #expect(Self.found(in: text) == nil) }

  @Test func areNotLookedForInTextsOfAnyDepth() {
    #expect(Self.found(in: String(repeating: "[", count: 100_000)) == nil)
  }
}
