internal import Files
internal import Foundation
internal import Testing

@Suite struct JSONReadingTests {
  private func read(_ text: String, depth: Int = 32) throws -> JSON {
    try Array(text.utf8).withUnsafeBytes { try JSON(reading: $0, depth: depth) }
  }

  @Test func readsWhatItWrites() throws {
    for text in [
      "null", "true", "false", "0", "-1", "18446744073709551615", "1.5", "1e-05", #""a\"é""#, "[]",
      "{}", #"{"b":[1,{"a":null}],"a":"😀"}"#, "-9223372036854775808",
    ] {
      #expect(try read(text).text == text)
      #expect(try read(" \n\t\r\(text) ").text == text)
    }
    #expect(try read(#""\u00e9\ud83d\ude00\/\b""#).text == #""é😀/\u0008""#)
    #expect(try read("-0").text == "0")
    #expect(try read("1E2").text == "100.0")
    // An integer beyond 64 bits is a number like others.
    #expect(try read("18446744073709551616").text == "1.8446744073709552e+19")
  }

  @Test func refusesAllElse() {
    for text in [
      "", " ", "nul", "True", "01", "-", "+1", ".5", "1.", "1e", "1e999", "0x1", "NaN", "'a'",
      "\"a", "\"\\x\"", "\"\\ud800\"", "\"\n\"", "[1", "[1,]", "[,]", "{\"a\"}", "{\"a\":1,}",
      "{a:1}", "{\"a\":1,\"a\":2}", "1 2", "[]]", "\u{FEFF}1",
    ] {
      #expect(throws: JSONError.self, "\(text)") { try read(text) }
    }
    #expect(throws: JSONError.self) {
      try [0x22, 0xFF, 0x22].withUnsafeBytes { try JSON(reading: $0) }
    }
  }

  @Test func limitsTheDepth() throws {
    #expect(try read("[[{}]]", depth: 3).text == "[[{}]]")
    #expect(throws: JSONError.self) { try read("[[{}]]", depth: 2) }
    let deep = String(repeating: "[", count: 1_000_000)
    #expect(throws: JSONError.self) { try read(deep) }
  }
}
