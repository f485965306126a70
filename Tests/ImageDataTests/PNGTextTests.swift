internal import Foundation
internal import ImageData
internal import TestSupport
internal import Testing

@Suite struct PNGTextTests {
  private let image = RGBImage(width: 2, height: 1, pixels: [1, 2, 3, 250, 251, 252])

  private func text(_ key: String = "dit", in file: [UInt8]) throws -> String? {
    try withTemporaryFolder { folder in
      let path = folder + "/image.png"
      try Data(file).write(to: URL(filePath: path))
      return try PNGText.text(key, in: path)
    }
  }

  private func chunks(_ texts: [PNGText]) throws -> [PNGChunk] {
    try #require(PNGChunk.all(of: try image.png(texts: texts)))
  }

  @Test func writesLatinTextsAsSuch() throws {
    let chunks = try chunks([PNGText("parameters", "Löwe\nSteps: 5"), PNGText("dit", "{}")])
    #expect(chunks.map(\.type) == ["IHDR", "sRGB", "tEXt", "tEXt", "IDAT", "IEND"])
    #expect(chunks[2].content == Array("parameters\0L".utf8) + [0xF6] + Array("we\nSteps: 5".utf8))
    #expect(chunks[3].content == Array("dit\0{}".utf8))
  }

  @Test func writesOtherTextsAsUTF8() throws {
    let chunks = try chunks([PNGText("dit", "ライオン 🦁")])
    #expect(chunks[2].type == "iTXt")
    #expect(chunks[2].content == Array("dit\0\0\0\0\0ライオン 🦁".utf8))
  }

  @Test func changesNothingElse() throws {
    let plain = try #require(PNGChunk.all(of: try image.png()))
    let chunks = try chunks([PNGText("dit", "{}")])
    #expect(plain.map(\.type) == ["IHDR", "sRGB", "IDAT", "IEND"])
    #expect(plain.map(\.bytes) == chunks.filter { $0.type != "tEXt" }.map(\.bytes))
  }

  @Test(arguments: ["{}", "", "Löwe\n\u{A0}", "ライオン 🦁", "a\u{0}b\tc\u{85}d"])
  func readsWhatItWrites(_ text: String) throws {
    let written = PNGText("dit", text)
    #expect(!written.text.unicodeScalars.contains { $0.value < 32 && $0 != "\n" })
    #expect(
      try self.text(in: try image.png(texts: [PNGText("ditto", "x"), written])) == written.text)
    #expect(try self.text("other", in: try image.png(texts: [written])) == nil)
  }

  /// A file whose text comes last, or stands twice, or beside others.
  @Test func findsTheFirstTextAnywhere() throws {
    let plain = try chunks([])
    func file(_ added: [(String, String)]) -> [UInt8] {
      PNGChunk.file(
        Array(plain.dropLast()) + added.map { PNGChunk(type: $0.0, content: Array($0.1.utf8)) }
          + plain.suffix(1))
    }
    let large = ("eXIf", "II*\0" + String(repeating: "x", count: 5_000_000))
    let texts = [("tEXt", "dit"), ("tEXt", ""), ("zTXt", "di\0t"), ("tEXt", "dit\0one")]
    #expect(try text(in: file([large] + texts + [("tEXt", "dit\0two")])) == "one")
  }

  /// A text compressed by zlib: 78 9C, one stored block, Adler-32.
  @Test func readsCompressedTexts() throws {
    let stream: [UInt8] = [
      0x78, 0x9C, 1, 2, 0, 0xFD, 0xFF, 0x7B, 0x7D, 0x01, 0x75, 0x00, 0xF9,
    ]
    var chunks = try chunks([])
    chunks.insert(PNGChunk(type: "zTXt", content: Array("dit\0\0".utf8) + stream), at: 2)
    #expect(try text(in: PNGChunk.file(chunks)) == "{}")
  }

  private func message(of file: [UInt8]) throws -> String {
    let error = #expect(throws: ImageError.self) { try text(in: file) }
    return error?.message ?? ""
  }

  @Test func refusesTextsThatAreDamagedOrTooLong() throws {
    let plain = try chunks([])
    func message(_ type: String, _ content: [UInt8]) throws -> String {
      let texts = [PNGChunk(type: type, content: content)]
      return try self.message(of: PNGChunk.file(plain.prefix(1) + texts + plain.dropFirst()))
    }
    let long = Array("dit\0".utf8) + [UInt8](repeating: 0x20, count: 5_000_000)
    #expect(try message("tEXt", long).hasSuffix("PNG: the text is too long"))
    #expect(try message("iTXt", Array("dit\0\0\0\0\0".utf8) + [0xFF, 0xFE]).contains("not UTF-8"))
    #expect(try message("iTXt", Array("dit\0".utf8)).contains("iTXt"))
    #expect(try message("zTXt", Array("dit\0\0nonsense".utf8)).contains("zTXt"))
    var file = try image.png(texts: [PNGText("dit", "12345678")])
    for count in [8, 60, file.count - 5] {
      #expect(try self.message(of: Array(file.prefix(count))).hasSuffix("the file ends too early"))
    }
    let start = try #require(Data(file).firstRange(of: Data("12345678".utf8))?.lowerBound)
    file[start] = UInt8(ascii: "0")
    #expect(try self.message(of: file).contains("CRC"))
  }

  /// 40 kB that are 6 MB once decompressed: an x, then 25,000 times 258 bytes from 1 byte before, in
  /// deflate's fixed code (RFC 1951, section 3.2.6).
  @Test func refusesTextsThatGrowBeyondBounds() throws {
    let repeated = "11000101" + "00000"
    let code = "110" + "10101000" + String(repeating: repeated, count: 25_000) + "0000000"
    var stream: [UInt8] = [0x78, 0x9C]
    for (place, bit) in code.utf8.enumerated() {
      if place % 8 == 0 { stream.append(0) }
      stream[stream.count - 1] |= (bit - UInt8(ascii: "0")) << (place % 8)
    }
    for (type, head) in [("zTXt", "dit\0\0"), ("iTXt", "dit\0\u{1}\0\0\0")] {
      var chunks = try chunks([])
      chunks.insert(PNGChunk(type: type, content: Array(head.utf8) + stream), at: 2)
      #expect(try message(of: PNGChunk.file(chunks)).contains(type))
    }
  }

  /// A chunk that claims 2 GB.
  @Test func believesNoLength() throws {
    var file = try image.png(texts: [PNGText("dit", "{}")])
    file.replaceSubrange(46..<50, with: [0x7F, 0xFF, 0xFF, 0xFF])
    #expect(try message(of: file).hasSuffix("the file ends too early"))
  }

  @Test(arguments: [("color.jpg", "JPEG"), ("color.bmp", "BMP")])
  func refusesOtherFormats(_ name: String, _ format: String) throws {
    let error = #expect(throws: ImageError.self) {
      try PNGText.text("dit", in: fixture(name))
    }
    #expect(error?.message.contains("the content is \(format)") == true)
  }
}
