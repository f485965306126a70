internal import Files
internal import Foundation
internal import TestSupport
internal import Testing

@Suite struct TextFileTests {
  private static let mark: [UInt8] = [0xEF, 0xBB, 0xBF]

  private static func utf16(_ text: String, isLittle: Bool) -> [UInt8] {
    ("\u{FEFF}" + text).utf16.flatMap { unit -> [UInt8] in
      let bytes = [UInt8(unit & 0xFF), UInt8(unit >> 8)]
      return isLittle ? bytes : bytes.reversed()
    }
  }

  @Test(arguments: [
    Array("a: é\nb: 2\n".utf8), Array("a: é\r\nb: 2\r\n".utf8), Array("a: é\rb: 2\r".utf8),
    mark + Array("a: é\r\nb: 2\r\n".utf8),
    mark + Array("a: é\n".utf8) + mark + Array("b: 2\n".utf8),
    utf16("a: é\r\nb: 2\r\n", isLittle: true), utf16("a: é\nb: 2\n", isLittle: false),
  ]) func readsWhatEditorsWrite(_ bytes: [UInt8]) throws {
    try withTemporaryFolder { folder in
      try Data(bytes).write(to: URL(filePath: folder + "/file"))
      #expect(Array(try TextFile.content(of: folder + "/file").utf8) == Array("a: é\nb: 2\n".utf8))
    }
  }

  @Test func keepsWhatIsNoMark() throws {
    let bytes = Array("a\u{FEFF}b\n\r\n\n".utf8)
    let text = bytes.withUnsafeBytes { TextFile.decode($0) }
    #expect(text.map { Array($0.utf8) } == Array("a\u{FEFF}b\n\n\n".utf8))
  }

  @Test func refusesOtherBytes() throws {
    try withTemporaryFolder { folder throws in
      let path = folder + "/file"
      for (bytes, reason) in [
        ([0x63, 0xE9], .notText), ([0xFF, 0xFE, 0x41], .notText),
        ([0xFF, 0xFE, 0x00, 0xD8], .notText), ([], .empty),
      ] as [([UInt8], FileError.Reason)] {
        try Data(bytes).write(to: URL(filePath: path))
        let error = try #require(
          #expect(throws: FileError.self) { try TextFile.content(of: path) })
        #expect(error.reason == reason && error.message.contains("'\(path)'"))
      }
    }
  }
}
