internal import Files
internal import ImageData
internal import TestSupport
internal import Torch

/// Calls `body` with the path of a folder of images in three classes: bars across, bars upright, squares;
/// the first class has one image more, in a class of its own.
///
/// - Parameters:
///   - count: images of a class.
///   - size: height and width in pixels.
///   - body: gets the path.
/// - Returns: what `body` returns.
/// - Throws: what `body` throws, and if the folder cannot be written.
func withShapesFolder<Result>(
  _ count: Int, size: Int = 32, _ body: (String) throws -> Result
) throws -> Result {
  try withTemporaryFolder { folder in
    let generator = try Generator(seed: 11)
    for (label, name) in ["across", "squares", "upright"].enumerated() {
      try Folder.make("\(folder)/\(name)")
      for number in 0..<count {
        try writeShape(label, size, generator, to: "\(folder)/\(name)/\(number).png")
      }
    }
    try Folder.make("\(folder)/alone")
    try writeShape(0, size, generator, to: "\(folder)/alone/0.png")
    return try body(folder)
  }
}

private func writeShape(
  _ label: Int, _ size: Int, _ generator: Generator, to path: String
) throws {
  let draws = Tensor.randint(0..<256, [8], generator: generator).elements(Int.self)
  let period = size / 4 + draws[6] % 3
  var pixels: [UInt8] = []
  for y in 0..<size {
    for x in 0..<size {
      let (row, column) = (
        (y + draws[7]) % period < period / 2, (x + draws[7]) % period < period / 2
      )
      let isInside = [row, row && column, column][label]
      for channel in 0..<3 {
        pixels.append(UInt8(isInside ? draws[channel] / 2 : 128 + draws[3 + channel] / 2))
      }
    }
  }
  try RGBImage(width: size, height: size, pixels: pixels).png().withUnsafeBytes {
    try AtomicFile.write(contentsOf: $0, to: path)
  }
}
