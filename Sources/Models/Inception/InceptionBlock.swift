public import Torch

/// What a branch does to its input before the convolutions.
public enum InceptionPooling: Sendable {
  /// The mean of 3 x 3 pixels, without those outside.
  case average
  /// The largest of 3 x 3 pixels.
  case maximum
  /// The largest of 3 x 3 pixels, at every second pixel.
  case halvingMaximum

  /// Pools `[N, C, H, W]` to `[N, C, H', W']`.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    switch self {
    case .average: averagePool3x3(x)
    case .maximum: maxPool3x3(x, stride: 1, padding: 1)
    case .halvingMaximum: maxPool3x3(x, stride: 2)
    }
  }
}

/// A branch of a block: pooling, then convolutions.
public struct InceptionBranch {
  /// The pooling; nil for none.
  public let pooling: InceptionPooling?
  /// One after the other.
  public let layers: [InceptionConvolution]
  /// Convolutions of the last result, whose results are joined; empty for none.
  public let ends: [InceptionConvolution]

  init(
    _ layers: [InceptionConvolution], ends: [InceptionConvolution] = [],
    after pooling: InceptionPooling? = nil
  ) {
    (self.layers, self.ends, self.pooling) = (layers, ends, pooling)
  }

  /// The results of the branch, `[N, C_i, H', W']`, to be joined.
  func callAsFunction(_ x: Tensor) -> [Tensor] {
    let pooled = pooling.map { $0(x) } ?? x
    let result = layers.reduce(pooled) { $1($0) }
    return ends.isEmpty ? [result] : ends.map { $0(result) }
  }
}

/// Branches side by side, whose results are joined along the channels.
public struct InceptionBlock {
  /// In the order of the channels.
  public let branches: [InceptionBranch]

  /// `[N, C, H, W]` to `[N, C', H', W']`
  func callAsFunction(_ x: Tensor) -> Tensor {
    concatenated(branches.flatMap { $0(x) }, axis: 1)
  }
}
