internal import Files
internal import Foundation
internal import Testing

@Suite struct JSONTests {
  @Test func keepsTheOrderOfMembers() {
    let value = JSON.object([
      ("step", .integer(3)), ("epoch", .number(1)), ("lr", .number(1e-05)),
      ("mse", .number(.infinity)), ("dropped", .bool(false)), ("vb", .null),
      ("shape", .array([.integer(2), .integer(-3)])), ("none", .array([])), ("a", .object([])),
    ])
    #expect(
      value.text
        == #"{"step":3,"epoch":1.0,"lr":1e-05,"mse":null,"dropped":false,"vb":null,"#
        + #""shape":[2,-3],"none":[],"a":{}}"#)
  }

  @Test func quotesAnyText() throws {
    #expect(JSON.string("a\"\\/\n\u{1}é").text == #""a\"\\/\u000a\u0001é""#)
    let text = String(String.UnicodeScalarView((0..<0x300).compactMap(Unicode.Scalar.init)))
    let data = Data(JSON.array([.string(text)]).text.utf8)
    #expect(try JSONDecoder().decode([String].self, from: data) == [text])
  }

  @Test func reportsValuesByNamesInSnakeCase() throws {
    struct Report: Encodable {
      let imageSize = 256
      let path = "a/b"
    }
    #expect(try JSON.report(Report()) == "{\n  \"image_size\" : 256,\n  \"path\" : \"a/b\"\n}")
    #expect(try JSON.line(["b": "x/y", "a": 2]) == #"{"a":2,"b":"x/y"}"#)
  }
}
