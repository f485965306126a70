internal import Foundation
internal import ImageData
internal import Testing

@Suite struct JPEGWritingTests {
  /// A smooth image.
  private static func gradient(_ width: Int, _ height: Int) -> RGBImage {
    let pixels = (0..<height).flatMap { y in
      (0..<width).flatMap { x in
        [UInt8(min(x, 255)), UInt8(min(2 * y, 255)), UInt8(128)]
      }
    }
    return RGBImage(width: width, height: height, pixels: pixels)
  }

  private func difference(_ a: RGBImage, _ b: RGBImage) -> Int {
    zip(a.pixels, b.pixels).map { abs(Int($0) - Int($1)) }.max() ?? 0
  }

  @Test(arguments: [(1, 1), (3, 5), (64, 64), (257, 31)])
  func isReadAgain(width: Int, height: Int) throws {
    let image = JPEGWritingTests.gradient(width, height)
    let bytes = try image.jpeg(quality: 100)
    let read = try bytes.withUnsafeBytes { try RGBImage(decoding: $0) }
    #expect((read.width, read.height) == (width, height))
    #expect(difference(image, read) <= 8)
  }

  @Test func qualityDecidesTheSize() throws {
    let image = JPEGWritingTests.gradient(200, 100)
    let sizes = try [1, 50, 90, 100].map { try image.jpeg(quality: $0).count }
    #expect(sizes == sizes.sorted() && sizes[0] < sizes[3])
    #expect(try image.jpeg() == image.jpeg(quality: 90))
    for quality in [0, 101, -1] {
      #expect(throws: ImageError.self) { try image.jpeg(quality: quality) }
    }
    let long = RGBImage(width: 65501, height: 1, pixels: Array(repeating: 0, count: 3 * 65501))
    #expect(throws: ImageError.self) { try long.jpeg() }
  }
}
