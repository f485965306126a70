public import Torch

/// Where the random numbers of a batch of images come from.
public enum NoiseSource {
  /// One stream for all rows of the network, as the published code has it: the batch decides what an
  /// image gets.
  case shared(Generator)
  /// A stream for each image: it gets what it would get if it were alone, whatever its batch.
  case separate([Generator])

  /// Draws standard normal numbers.
  ///
  /// - Parameters:
  ///   - imageCount: N.
  ///   - rowCount: the rows that a draw has in the published code, a multiple of N; the first N are used.
  ///   - shape: of a row.
  /// - Returns: `[N]` and `shape`.
  public func draw(imageCount: Int, rowCount: Int, shape: [Int]) -> Tensor {
    switch self {
    case .shared(let generator):
      return .randn([rowCount] + shape, generator: generator)[0..<imageCount]
    case .separate(let generators):
      guard generators.count == imageCount, rowCount.isMultiple(of: imageCount) else {
        fatalError(
          "NoiseSource: \(generators.count) streams, \(imageCount) images, \(rowCount) rows")
      }
      let rows = rowCount / imageCount
      return concatenated(
        generators.map { Tensor.randn([rows] + shape, generator: $0)[0..<1] })
    }
  }
}
