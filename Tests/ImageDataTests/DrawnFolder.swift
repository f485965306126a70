internal import ImageData
internal import TestSupport

/// The size of the images that `withDrawnFolder` draws, and that tests load.
let drawnSize = 2

/// The pixels of such an image: its number in all of them, and 1 on the left in place of 0.
func drawnPixels(_ number: Int, mirrored: Bool = false) -> [UInt8] {
  let (high, low) = (UInt8(number / 256), UInt8(number % 256))
  let left = [high, low, 1] as [UInt8]
  let right = [high, low, 0] as [UInt8]
  let row = mirrored ? right + left : left + right
  return row + row
}

/// Calls `body` with a folder of so many images in three classes, one after another by number.
///
/// - Parameters:
///   - count: how many, below 1000.
///   - broken: the numbers of those that are no images.
///   - body: gets the folder.
/// - Throws: what `body` throws, and if the folder cannot be written.
func withDrawnFolder(
  _ count: Int, broken: Set<Int> = [], _ body: (ImageFolder) throws -> Void
) throws {
  try withTemporaryFolder { folder in
    for number in 0..<count {
      let image = RGBImage(width: drawnSize, height: drawnSize, pixels: drawnPixels(number))
      let name = String(1000 + number)
      let bytes = try broken.contains(number) ? Array("no image".utf8) : image.png()
      try write(bytes, to: "\(folder)/\(drawnLabel(number, of: count))/\(name).png")
    }
    try body(ImageFolder(folder))
  }
}

/// The class of an image that `withDrawnFolder` draws.
func drawnLabel(_ number: Int, of count: Int) -> Int { number * 3 / count }

/// The first batches of a folder.
func batches(
  _ count: Int, of folder: ImageFolder, batch: Int,
  _ change: (inout BatchLoaderOptions) -> Void = { _ in }
) throws -> [Batch] {
  var options = BatchLoaderOptions(imageSize: drawnSize, globalBatchSize: batch)
  change(&options)
  let loader = try BatchLoader(folder, options)
  return try (0..<count).map { _ in try loader.next() }
}
