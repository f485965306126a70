private enum Images {
  static let pack = Operator("dit::pack_convolution_weight")
  static let convolution = Operator("dit::convolution_3x3_")
  static let factors = Operator("dit::group_norm_factors")
}

// N images, C channels, H W height and width.

/// A group norm of some images as a factor and an offset for each channel: the operator that reads
/// the images next applies them.
public struct ChannelFactors {
  /// `[N, C]`
  public let factors: Tensor
  /// `[N, C]`
  public let offsets: Tensor

  /// The group norm (Wu & He 2018) of images, with the statistics of each whole image.
  ///
  /// - Parameters:
  ///   - x: `[N, H, W, C]`, contiguous, float32, on a processor
  ///   - groupCount: divides C.
  ///   - weight: `[C]`
  ///   - bias: `[C]`
  ///   - epsilon: added to the variance.
  public init(
    ofGroupNorm x: Tensor, groupCount: Int, weight: Tensor, bias: Tensor, epsilon: Double
  ) {
    let results = Images.factors.results(
      .tensor(x), .tensor(weight), .tensor(bias), .int(groupCount), .double(epsilon), count: 2)
    (factors, offsets) = (results[0], results[1])
  }
}

/// A 3x3 convolution for inference on a processor, over images with channels last and zeros around
/// them, float32.
public struct PackedConvolution {
  private let weight: Tensor
  private let bias: Tensor?
  private let outputCount: Int

  /// Lays out a weight.
  ///
  /// - Parameters:
  ///   - weight: `[out, in, 3, 3]`, float32, on a processor; `in` is a multiple of 8; not kept.
  ///   - bias: `[out]`
  public init(weight: Tensor, bias: Tensor?) {
    self.weight = Images.pack(.tensor(weight))
    self.bias = bias
    outputCount = weight.size(0)
  }

  /// Applies the convolution.
  ///
  /// - Parameters:
  ///   - x: `[N, h, w, in]`, contiguous
  ///   - norm: a group norm of x that is applied first, with SiLU after it; nil for neither.
  ///   - doublesSize: makes four of each pixel first, so that H W are 2 h 2 w.
  ///   - sum: `[N, H, W, out]`, contiguous; the result is added to it, in place, and it is returned.
  /// - Returns: `[N, H, W, out]`
  public func callAsFunction(
    _ x: Tensor, norm: ChannelFactors? = nil, doublesSize: Bool = false, addingTo sum: Tensor? = nil
  ) -> Tensor {
    // What an operator gives that failed within `withTorchErrors`, which will throw.
    guard x.rank == 4 else { return x }
    let factor = doublesSize ? 2 : 1
    let result =
      sum ?? .empty([x.size(0), factor * x.size(1), factor * x.size(2), outputCount])
    _ = Images.convolution.results(
      .tensor(result), .tensor(x), .tensor(weight), .optional(bias), .optional(norm?.factors),
      .optional(norm?.offsets), .bool(doublesSize), .bool(sum != nil), count: 0)
    return result
  }
}
