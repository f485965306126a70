internal import ImageData
internal import TestSupport
internal import Testing

@Suite struct DamagedImageTests {
  private func failure(_ bytes: [UInt8]) throws -> String {
    try #require(#expect(throws: ImageError.self) { try decoded(bytes) }).message
  }

  @Test(arguments: [
    "color.jpg", "progressive.jpg", "gray.jpg", "cmyk.jpg", "color.png", "interlaced-alpha.png",
    "palette.png", "color.bmp", "wide.bmp", "bits.bmp", "palette.bmp", "masks.bmp",
  ])
  func refusesFilesCutAnywhere(_ name: String) throws {
    let bytes = try fixtureBytes(name)
    // What follows the last line of a JPEG file is not needed.
    for count in stride(from: 0, to: bytes.count - 32, by: 7) {
      #expect(throws: ImageError.self) { try decoded(Array(bytes[..<count])) }
    }
  }

  @Test(arguments: [
    "color.jpg", "progressive.jpg", "ycck.jpg", "deep.png", "palette-alpha.png", "top-down.bmp",
    "nibbles.bmp", "palette.bmp",
  ])
  func survivesChangedBytes(_ name: String) throws {
    let bytes = try fixtureBytes(name)
    var outcomes: Set<Bool> = []
    for place in stride(from: 0, to: bytes.count, by: 3) {
      var changed = bytes
      changed[place] ^= UInt8(truncatingIfNeeded: 1 + place * 37)
      outcomes.insert((try? decoded(changed)) == nil)
    }
    #expect(outcomes.contains(true))
  }

  private func start(_ name: String) throws -> [UInt8] {
    try Array(fixtureBytes(name).prefix(900))
  }

  @Test func namesTheFileAndTheTrouble() throws {
    try withTemporaryFolder { folder throws in
      func failure(_ bytes: [UInt8]) throws -> String {
        let path = folder + "/photo.jpg"
        try write(bytes, to: path)
        let error = try #require(
          #expect(throws: ImageError.self) { try RGBImage(contentsOf: path) })
        #expect(error.message.contains("'\(path)'"))
        return error.message
      }
      #expect(try failure([]).contains("empty"))
      #expect(try failure(Array("<html>not found</html>".utf8)).contains("neither JPEG, PNG nor"))
      #expect(try failure(start("color.jpg")).contains("JPEG: Premature end"))
      #expect(try failure(start("color.png")).contains("ends too early"))
      #expect(try failure(start("color.bmp")).contains("ends too early"))
    }
    for path in ["/nowhere/photo.jpg", "/"] {
      let error = try #require(#expect(throws: ImageError.self) { try RGBImage(contentsOf: path) })
      #expect(error.message.contains("'\(path)'"))
    }
  }

  @Test func goesByContentNotByName() throws {
    try withTemporaryFolder { folder in
      try write(fixtureBytes("color.png"), to: folder + "/photo.jpg")
      let image = try RGBImage(contentsOf: folder + "/photo.jpg")
      #expect(try image == RGBImage(contentsOf: fixture("color.png")))
    }
  }

  @Test func refusesMorePixelsThanAllowedBeforeMakingRoom() throws {
    let expected = "65000 x 65000 pixels are more than the 178956970 allowed"
    var png = try fixtureBytes("color.png")
    png.replaceSubrange(16..<24, with: [0, 0, 0xFD, 0xE8, 0, 0, 0xFD, 0xE8])
    #expect(try failure(png).contains(expected))
    var jpeg = try fixtureBytes("color.jpg")
    let frame = try #require(jpeg.indices.first { jpeg[$0...].starts(with: [0xFF, 0xC0]) })
    jpeg.replaceSubrange(frame + 5..<frame + 9, with: [0xFD, 0xE8, 0xFD, 0xE8])
    #expect(try failure(jpeg).contains(expected))
    var bmp = try fixtureBytes("color.bmp")
    bmp.replaceSubrange(18..<26, with: [0xE8, 0xFD, 0, 0, 0xE8, 0xFD, 0, 0])
    #expect(try failure(bmp).contains(expected))
    png.replaceSubrange(16..<24, with: [UInt8](repeating: 0xFF, count: 8))
    #expect(try failure(png).contains("4294967295 x 4294967295 pixels"))
    png.replaceSubrange(16..<24, with: [UInt8](repeating: 0, count: 8))
    #expect(try failure(png).contains("0 x 0 pixels"))
  }

  @Test func refusesScansWithoutEnd() throws {
    let bytes = try fixtureBytes("progressive.jpg")
    let scan = try #require(bytes.indices.last { bytes[$0...].starts(with: [0xFF, 0xDA]) })
    let repeated = [[UInt8]](repeating: Array(bytes[scan..<bytes.count - 2]), count: 600).joined()
    #expect(try failure(bytes[..<scan] + repeated + [0xFF, 0xD9]).contains("more than 500 scans"))
  }

  @Test func readsAPNGWithoutItsEnd() throws {
    for name in ["color.png", "interlaced-alpha.png", "palette.png"] {
      let bytes = try fixtureBytes(name)
      let whole = try decoded(bytes)
      for count in [12, 8, 4, 1] {
        #expect(try decoded(bytes.dropLast(count)) == whole, "\(name) without \(count)")
      }
      var wrong = bytes
      wrong[bytes.count - 1] ^= 1
      #expect(try decoded(wrong) == whole)
      // The pixels' checksum is cut.
      #expect(throws: ImageError.self) { try decoded(bytes.dropLast(13)) }
    }
  }

  @Test func refusesAPNGWithAWrongChecksum() throws {
    let bytes = try fixtureBytes("color.png")
    let pixels = try #require(
      bytes.indices.first { bytes[$0...].starts(with: Array("IDAT".utf8)) })
    for place in [29, pixels + 20, bytes.count - 13] {
      var wrong = bytes
      wrong[place] ^= 1
      #expect(throws: ImageError.self, "\(place)") { try decoded(wrong) }
    }
  }

  @Test(arguments: [
    ("RIFF\u{1}\u{2}\u{3}\u{4}WEBPVP8 ", "the content is WebP"), ("GIF89a", "the content is GIF"),
    ("II*\0", "the content is TIFF"), ("\0\0\0\u{1C}ftypavif", "the content is AVIF"),
    ("\0\0\0\u{18}ftypheic", "the content is HEIF"), ("P6\n2 2\n", "the content is PNM"),
    ("version https://git-lfs.github.com/spec/v1\n", "run git lfs pull"), ("P6x", "neither JPEG"),
    ("<!DOCTYPE html>", "neither JPEG"), ("R", "neither JPEG"),
  ]) func saysWhatKindOfImageItIs(_ text: String, _ expected: String) throws {
    #expect(try failure(Array(text.utf8)).contains(expected))
  }

  @Test func refusesKindsOfBMPThatItDoesNotRead() throws {
    let expected = "1, 4, 8, 24 or 32 bits a pixel without compression"
    var bytes = try fixtureBytes("color.bmp")
    bytes[28] = 16
    #expect(try failure(bytes).contains(expected))
    bytes[28] = 24
    bytes[30] = 1
    #expect(try failure(bytes).contains(expected))
    bytes[30] = 0
    // A palette that would reach into the pixels.
    bytes[28] = 8
    #expect(try failure(bytes).contains("ends too early"))
    bytes[28] = 24
    bytes.replaceSubrange(22..<26, with: [0, 0, 0, 0x80])
    #expect(throws: ImageError.self) { try decoded(bytes) }
    bytes.replaceSubrange(10..<14, with: [0xFF, 0xFF, 0xFF, 0xFF])
    #expect(throws: ImageError.self) { try decoded(bytes) }

    var masks = try fixtureBytes("masks.bmp")
    masks[54] = 0xFF
    #expect(try failure(masks).contains(expected))
    var palette = try fixtureBytes("nibbles.bmp")
    palette[46] = 2
    #expect(try failure(palette).contains("of 2; the file is damaged"))
  }
}
