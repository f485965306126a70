internal import CKernels

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

  /// Those of one image.
  public subscript(image: Int) -> ChannelFactors {
    let row = image..<image + 1
    return ChannelFactors(factors: factors[row], offsets: offsets[row])
  }
}

/// Whether the first and the last row of some rows of images are there only as neighbors of the
/// others, which is where a strip is cut out of images.
public struct RowNeighbors: Sendable {
  /// Of the first row.
  public let above: Bool
  /// Of the last row.
  public let below: Bool

  /// Neighbors above and below, or zeros in their place.
  public init(above: Bool, below: Bool) {
    self.above = above
    self.below = below
  }

  /// Zeros around all rows.
  public static let none = RowNeighbors(above: false, below: false)

  /// How many rows are only neighbors.
  public var count: Int { (above ? 1 : 0) + (below ? 1 : 0) }
}

/// A 3x3 convolution for inference on a processor, over images with channels last and zeros around
/// them, float32.
///
/// The pixels of a row lie side by side; rows may lie apart, as those of images that lie side by side
/// do, and images too.
public struct PackedConvolution {
  private let weight: Tensor
  private let bias: Tensor?
  private let outputCount: Int
  private let laneCount: Int

  /// How many numbers a vector can have here: 8, and 16 where the processor has AVX-512.
  public static let laneCounts = ckernels_has_avx512() ? [8, 16] : [8]

  /// Lays out a weight.
  ///
  /// - Parameters:
  ///   - weight: `[out, in, 3, 3]`, float32, on a processor; `in` is a multiple of 8; not kept.
  ///   - bias: `[out]`
  ///   - laneCount: of `laneCounts`, by how many numbers at a time it computes; nil for the most.
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
  ///   - norm: a group norm of x that is applied first, with SiLU after it; nil for neither.
  ///   - doublesSize: makes four of each pixel first.
  ///   - neighbors: rows of x that get no result.
  /// - Returns: `[N, H, W, out]`, where H W are h w without the neighbors, or 2 h 2 w.
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

  /// Applies the convolution and writes over what is there.
  ///
  /// - Parameters:
  ///   - x: `[N, H, W, in]`
  ///   - norm: as above.
  ///   - result: `[N, H, W, out]`, apart from x.
  public func write(_ x: Tensor, norm: ChannelFactors?, to result: Tensor) {
    apply(x, norm, false, .none, result, adds: false)
  }

  /// Applies the convolution and adds the result to what is there.
  ///
  /// - Parameters:
  ///   - x: `[N, H, W, in]`
  ///   - norm: as above.
  ///   - sum: `[N, H, W, out]`, apart from x.
  public func add(_ x: Tensor, norm: ChannelFactors?, to sum: Tensor) {
    apply(x, norm, false, .none, sum, adds: true)
  }

  private func apply(
    _ x: Tensor, _ norm: ChannelFactors?, _ doublesSize: Bool, _ neighbors: RowNeighbors,
    _ result: Tensor, adds: Bool
  ) {
    _ = Images.convolution.results(
      .tensor(result), .tensor(x), .tensor(weight), .optional(bias), .optional(norm?.factors),
      .optional(norm?.offsets), .bool(doublesSize), .bool(adds), .int(neighbors.above ? 1 : 0),
      .int(neighbors.below ? 1 : 0), .int(laneCount), count: 0)
  }
}
