public import Torch

/// Where the random numbers of a batch of images come from.
public enum NoiseSource {
  /// One stream for the whole batch of the network, as in the published code: an image depends on the
  /// batch that it is in.
  case perBatch(Generator)
  /// A stream for each image, which is then the same in any batch.
  case perSample([Generator])

  /// Draws standard normal numbers.
  ///
  /// - Parameters:
  ///   - sampleCount: N.
  ///   - networkBatchSize: the rows that the published code draws, a multiple of N; the first N are
  ///     used.
  ///   - shape: of one row.
  ///   - dtype: in which they are drawn, float32 or float64: other numbers of the same stream.
  /// - Returns: `[N]` and `shape`, float32, on the generators' device.
  public func draw(
    sampleCount: Int, networkBatchSize: Int, shape: [Int], dtype: DType = .float32
  ) -> Tensor {
    switch self {
    case .perBatch(let generator):
      return Tensor.randn([networkBatchSize] + shape, dtype: dtype, generator: generator)[
        0..<sampleCount
      ].to(.float32)
    case .perSample(let generators):
      guard generators.count == sampleCount, networkBatchSize.isMultiple(of: sampleCount) else {
        fatalError(
          "NoiseSource: \(generators.count) streams, \(sampleCount) images, a batch of"
            + " \(networkBatchSize)")
      }
      let rows = networkBatchSize / sampleCount
      return concatenated(
        generators.map { Tensor.randn([rows] + shape, dtype: dtype, generator: $0)[0..<1] }
      ).to(.float32)
    }
  }

  /// The streams of some of the images; nil if one stream serves all.
  func keeping(_ rows: [Int]) -> NoiseSource? {
    guard case .perSample(let generators) = self else { return nil }
    return .perSample(rows.map { generators[$0] })
  }

  /// The states of the generators, for `restore(_:)`.
  func states() throws -> [Tensor] { try generators.map { try $0.state() } }

  /// Goes back to where the generators were.
  func restore(_ states: [Tensor]) throws {
    for (generator, state) in zip(generators, states) { try generator.restore(state) }
  }

  private var generators: [Generator] {
    switch self {
    case .perBatch(let generator): [generator]
    case .perSample(let generators): generators
    }
  }
}
