internal import ImageData
internal import Testing

@Suite struct CenterCropTests {
  static let names = [
    "crop-even.jpg", "crop-odd.jpg", "crop-twice.jpg", "crop-exact.png", "crop-small.png",
    "crop-narrow.png",
  ]

  @Test(arguments: names)
  func cropsAsPillowDoes(_ name: String) throws {
    let crop = try RGBImage(contentsOf: fixture(name), croppedTo: 64)
    let expected = try RGBImage(contentsOf: fixture(name + ".crop64.png"))
    // JPEG decoders may round differently; the crop itself differs in single roundings.
    #expect(meanDifference(crop, expected) < (name.hasSuffix(".png") ? 0.05 : 1))
    #expect(largestDifference(crop, expected) <= (name.hasSuffix(".png") ? 1 : 4))
  }

  @Test(arguments: ["crop-even.jpg", "crop-twice.jpg"])
  func reducingWhileDecodingStaysClose(_ name: String) throws {
    let path = fixture(name)
    let crop = try RGBImage(contentsOf: path, croppedTo: 64, reducesWhileDecoding: true)
    let expected = try RGBImage(contentsOf: path, croppedTo: 64)
    #expect(meanDifference(crop, expected) < 2)
    #expect(crop != expected)
  }

  @Test(arguments: ["crop-odd.jpg", "color.jpg", "crop-exact.png"])
  func reducesOnlyWholeHalvings(_ name: String) throws {
    let path = fixture(name)
    let crop = try RGBImage(contentsOf: path, croppedTo: 64, reducesWhileDecoding: true)
    #expect(try crop == RGBImage(contentsOf: path, croppedTo: 64))
  }

  @Test func keepsAnImageOfTheSize() throws {
    let image = RGBImage(width: 4, height: 4, pixels: (0..<48).map { $0 * 5 })
    #expect(try image.centerCropped(to: 4) == image)
  }

  @Test func cutsTheLongerSideInTheMiddle() throws {
    let row = (0..<5).flatMap { x in [UInt8](repeating: UInt8(x), count: 3) }
    let image = RGBImage(width: 5, height: 2, pixels: row + row)
    let expected = [1, 1, 1, 2, 2, 2] as [UInt8]
    #expect(try image.centerCropped(to: 2).pixels == expected + expected)
  }

  @Test func refusesNeedlesThatWouldBecomeHuge() throws {
    let needle = RGBImage(width: 1, height: 100_000, pixels: Array(repeating: 0, count: 300_000))
    let error = try #require(
      #expect(throws: ImageError.self) { try needle.centerCropped(to: 256) })
    #expect(error.message.contains("1 x 100000 pixels are too narrow"))
    #expect(throws: ImageError.self) { try needle.centerCropped(to: 0) }
  }
}
