internal import ImageData
internal import Testing

@Suite struct DecodingTests {
  @Test(arguments: ["color.jpg", "progressive.jpg", "gray.jpg", "cmyk.jpg", "ycck.jpg"])
  func readsJPEGAsPillowDoes(_ name: String) throws {
    let image = try RGBImage(contentsOf: fixture(name))
    let expected = try RGBImage(contentsOf: fixture(name + ".rgb.png"))
    #expect(meanDifference(image, expected) < 1)
    #expect(largestDifference(image, expected) <= 4)
  }

  @Test(arguments: [
    "color.png", "interlaced.png", "alpha.png", "interlaced-alpha.png", "gray-alpha.png", "key.png",
    "deep.png", "deep-gray.png", "gray.png", "bits.png", "palette.png", "palette-alpha.png",
    "color.bmp", "top-down.bmp", "wide.bmp", "masks.bmp", "bits.bmp", "nibbles.bmp", "gray.bmp",
    "palette.bmp",
  ])
  func readsPNGAndBMPExactly(_ name: String) throws {
    let image = try RGBImage(contentsOf: fixture(name))
    let expected = try RGBImage(contentsOf: fixture(name + ".rgb.png"))
    #expect(largestDifference(image, expected) == 0)
  }

  @Test func readsBackWhatItWrites() throws {
    let image = RGBImage(
      width: 5, height: 3, pixels: (0..<45).map { UInt8(truncatingIfNeeded: $0 * 77) })
    #expect(try decoded(image.png()) == image)
  }
}
