internal import Foundation
internal import ImageData
internal import TestSupport

/// A file that `tools/golden/make_images.py` made.
func fixture(_ name: String) -> String { golden("images/" + name) }

/// The bytes of such a file.
func fixtureBytes(_ name: String) throws -> [UInt8] {
  try [UInt8](Data(contentsOf: URL(filePath: fixture(name))))
}

/// Decodes a file's bytes.
func decoded(_ bytes: [UInt8]) throws -> RGBImage {
  try bytes.withUnsafeBytes { try RGBImage(decoding: $0) }
}

/// The mean of the absolute differences, in grey levels; infinite where sizes differ.
func meanDifference(_ a: RGBImage, _ b: RGBImage) -> Double {
  guard (a.width, a.height) == (b.width, b.height) else { return .infinity }
  let sum = zip(a.pixels, b.pixels).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
  return Double(sum) / Double(a.pixels.count)
}

/// The largest absolute difference, in grey levels; 256 where sizes differ.
func largestDifference(_ a: RGBImage, _ b: RGBImage) -> Int {
  guard (a.width, a.height) == (b.width, b.height) else { return 256 }
  return zip(a.pixels, b.pixels).map { abs(Int($0) - Int($1)) }.max() ?? 0
}

/// Writes bytes to a file whose folder is made if need be.
func write(_ bytes: some Sequence<UInt8>, to path: String) throws {
  let file = URL(filePath: path)
  try FileManager.default.createDirectory(
    at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
  try Data(bytes).write(to: file)
}
