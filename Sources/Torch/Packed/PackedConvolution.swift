internal import CKernels

private enum Images {
  static let pack = Operator("dit::pack_convolution_weight")
  static let convolution = Operator("dit::convolution_3x3_")
  static let factors = Operator("dit::group_norm_factors")
}

// N images, C channels, H W height and width.

/// A group norm as a factor and an offset for each channel, applied by the operator that reads the
/// images next.
public struct ChannelFactors {
  /// `[N, C]`
  public let factors: Tensor
  /// `[N, C]`
  public let offsets: Tensor

  /// The group norm (Wu & He 2018) of images, with statistics over each whole image.
  ///
  /// - Parameters:
  ///   - x: `[N, H, W, C]`, float32, on a processor; rows may lie apart.
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

  private init(factors: Tensor, offsets: Tensor) {
    (self.factors, self.offsets) = (factors, offsets)
  }

  /// The factors of one image.
  public subscript(image: Int) -> ChannelFactors {
    let row = image..<image + 1
    return ChannelFactors(factors: factors[row], offsets: offsets[row])
  }
}

/// Says which outer rows of a strip of an image are only neighbors of the others, and get no result.
public struct RowNeighbors: Sendable {
  /// The first row is only a neighbor.
  public let above: Bool
  /// The last row is only a neighbor.
  public let below: Bool

  /// Where there is no neighbor, the convolution takes zeros.
  public init(above: Bool, below: Bool) {
    self.above = above
    self.below = below
  }

  /// No neighbors: a whole image.
  public static let none = RowNeighbors(above: false, below: false)

  /// The number of neighbor rows.
  public var count: Int { (above ? 1 : 0) + (below ? 1 : 0) }
}

/// A 3x3 convolution with zero padding for inference on a processor, float32, channels last.
///
/// The channels of a pixel must be contiguous; pixels, rows and images may have any stride.
public struct PackedConvolution {
  private let weight: Tensor
  private let bias: Tensor?
  private let outputCount: Int
  private let laneCount: Int

  /// Vector widths on this processor: 8, and 16 with AVX-512.
  public static let laneCounts = ckernels_has_avx512() ? [8, 16] : [8]

  /// Lays out a weight.
  ///
  /// - Parameters:
  ///   - weight: `[out, in, 3, 3]`, float32, on a processor; `in` is a multiple of 8; not kept.
  ///   - bias: `[out]`
  ///   - laneCount: one of `laneCounts`; nil for the widest.
  public init(weight: Tensor, bias: Tensor?, laneCount: Int? = nil) {
    self.laneCount = laneCount ?? Self.laneCounts[Self.laneCounts.count - 1]
    self.weight = Images.pack(.tensor(weight))
    self.bias = bias
    outputCount = weight.size(0)
  }

  /// Applies the convolution.
  ///
  /// - Parameters:
  ///   - x: `[N, h, w, in]`
  ///   - norm: a group norm of x, applied first and followed by SiLU; nil for neither.
  ///   - doublesSize: doubles height and width first, by repeating pixels.
  ///   - neighbors: the rows of x without a result.
  /// - Returns: `[N, H, W, out]`, where H W are h w without the neighbors, doubled by `doublesSize`.
  public func callAsFunction(
    _ x: Tensor, norm: ChannelFactors? = nil, doublesSize: Bool = false,
    neighbors: RowNeighbors = .none
  ) -> Tensor {
    let (count, height, width, _) = x.size4
    let factor = doublesSize ? 2 : 1
    let result = Tensor.empty([
      count, factor * max(height - neighbors.count, 0), factor * width, outputCount,
    ])
    apply(x, norm, doublesSize, neighbors, result, adds: false)
    return result
  }

  /// Applies the convolution into existing memory.
  ///
  /// - Parameters:
  ///   - x: `[N, H, W, in]`
  ///   - norm: a group norm of x, applied first and followed by SiLU; nil for neither.
  ///   - result: `[N, H, W, out]`, overwritten; it must not overlap x.
  public func write(_ x: Tensor, norm: ChannelFactors?, to result: Tensor) {
    apply(x, norm, false, .none, result, adds: false)
  }

  /// Applies the convolution and adds the result.
  ///
  /// - Parameters:
  ///   - x: `[N, H, W, in]`
  ///   - norm: a group norm of x, applied first and followed by SiLU; nil for neither.
  ///   - sum: `[N, H, W, out]`, updated; it must not overlap x.
  public func add(_ x: Tensor, norm: ChannelFactors?, to sum: Tensor) {
    apply(x, norm, false, .none, sum, adds: true)
  }

  /// Applies the convolution and max(0, ·) into existing memory.
  ///
  /// - Parameters:
  ///   - x: `[N, H, W, in]`
  ///   - isPadded: whether there are zeros around the image; else the outer pixels get no result.
  ///   - result: `[N, H, W, out]`, or `[N, H - 2, W - 2, out]` without padding; overwritten. Its pixels
  ///     may lie apart: some of the channels of a larger tensor.
  public func writeRectified(_ x: Tensor, isPadded: Bool, to result: Tensor) {
    let neighbors = RowNeighbors(above: !isPadded, below: !isPadded)
    apply(x, nil, false, neighbors, result, adds: false, rectifies: true, dropsSides: !isPadded)
  }

  private func apply(
    _ x: Tensor, _ norm: ChannelFactors?, _ doublesSize: Bool, _ neighbors: RowNeighbors,
    _ result: Tensor, adds: Bool, rectifies: Bool = false, dropsSides: Bool = false
  ) {
    _ = Images.convolution.results(
      .tensor(result), .tensor(x), .tensor(weight), .optional(bias), .optional(norm?.factors),
      .optional(norm?.offsets), .bool(doublesSize), .bool(adds), .bool(rectifies),
      .int(neighbors.above ? 1 : 0), .int(neighbors.below ? 1 : 0), .int(dropsSides ? 1 : 0),
      .int(laneCount), count: 0)
  }
}
