private enum Functional {
  static let linear = Operator("dit::linear")
  static let plainLinear = Operator("aten::linear")
  static let conv2d = Operator("aten::conv2d")
  static let layerNorm = Operator("aten::layer_norm")
  static let rmsNorm = Operator("aten::rms_norm")
  static let batchNorm = Operator("aten::batch_norm")
  static let crossEntropy = Operator("aten::cross_entropy_loss")
  static let groupNorm = Operator("aten::group_norm")
  static let gelu = Operator("aten::gelu")
  static let silu = Operator("aten::silu")
  static let relu = Operator("aten::relu")
  static let logSoftmax = Operator("aten::log_softmax.int")
  static let attention = Operator("aten::scaled_dot_product_attention")
  static let embedding = Operator("aten::embedding")
  static let upsampleNearest = Operator("aten::upsample_nearest2d")
  static let upsampleBicubic = Operator("aten::upsample_bicubic2d")
  static let resizeBicubic = Operator("aten::_upsample_bicubic2d_aa")
}

/// A linear layer, x Wᵀ + b, by the faster matrix product on this processor: ours or libtorch's.
/// Within `withPlainOperators`, and in a build without our kernels, it is libtorch's.
///
/// - Parameters:
///   - x: `[..., in]`
///   - weight: `[out, in]`
///   - bias: `[out]`
/// - Returns: `[..., out]`
public func linear(_ x: Tensor, weight: Tensor, bias: Tensor? = nil) -> Tensor {
  let product = OwnOperators.areUsable ? Functional.linear : Functional.plainLinear
  return product(.tensor(x), .tensor(weight), .optional(bias))
}

/// Two-dimensional convolution (cross-correlation) with zero padding.
///
/// - Parameters:
///   - x: `[N, C, H, W]`
///   - weight: `[K, C, h, w]`
///   - bias: `[K]`
///   - stride: in pixels.
///   - padding: pixels on each side.
/// - Returns: `[N, K, H', W']`
public func conv2d(
  _ x: Tensor, weight: Tensor, bias: Tensor? = nil, stride: Int = 1, padding: Int = 0
) -> Tensor {
  conv2d(x, weight: weight, bias: bias, stride: stride, padding: [padding, padding])
}

/// Two-dimensional convolution (cross-correlation) with zero padding.
///
/// - Parameters:
///   - x: `[N, C, H, W]`
///   - weight: `[K, C, h, w]`
///   - bias: `[K]`
///   - stride: in pixels.
///   - padding: pixels above and below, and on the left and right.
/// - Returns: `[N, K, H', W']`
public func conv2d(
  _ x: Tensor, weight: Tensor, bias: Tensor? = nil, stride: Int = 1, padding: [Int]
) -> Tensor {
  Functional.conv2d(
    .tensor(x), .tensor(weight), .optional(bias), .ints([stride, stride]), .ints(padding))
}

/// Normalizes the last dimension to mean 0 and variance 1 (Ba et al. 2016), then scales and shifts.
///
/// - Parameters:
///   - x: `[..., D]`
///   - weight: `[D]`, or nil for none.
///   - bias: `[D]`, or nil for none.
///   - epsilon: added to the variance.
/// - Returns: `[..., D]`
public func layerNorm(
  _ x: Tensor, weight: Tensor? = nil, bias: Tensor? = nil, epsilon: Double
) -> Tensor {
  Functional.layerNorm(
    .tensor(x), .ints([x.size(-1)]), .optional(weight), .optional(bias), .double(epsilon))
}

/// Divides the last dimension by the root of its mean square (Zhang & Sennrich 2019, equation 4). The
/// arithmetic is float32.
///
/// - Parameters:
///   - x: `[..., D]`
///   - weight: `[D]`, multiplied with the result in the type of `x`; nil for none.
///   - epsilon: added to the mean square.
/// - Returns: `[..., D]`, in the type of `x`.
public func rmsNorm(_ x: Tensor, weight: Tensor? = nil, epsilon: Double) -> Tensor {
  let norm = Functional.rmsNorm(
    .tensor(x.to(.float32)), .ints([x.size(-1)]), nil, .double(epsilon)
  ).to(x.dtype)
  return weight.map { norm * $0 } ?? norm
}

/// The norm of a kind, without weights.
func tokenNorm(_ kind: NormKind, _ x: Tensor, epsilon: Double) -> Tensor {
  switch kind {
  case .layer: layerNorm(x, epsilon: epsilon)
  case .rms: rmsNorm(x, epsilon: epsilon)
  }
}

/// Normalizes groups of channels to mean 0 and variance 1 (Wu & He 2018), then scales and shifts.
///
/// - Parameters:
///   - x: `[N, C, ...]`
///   - groupCount: divides C.
///   - weight: `[C]`
///   - bias: `[C]`
///   - epsilon: added to the variance.
/// - Returns: `[N, C, ...]`
public func groupNorm(
  _ x: Tensor, groupCount: Int, weight: Tensor?, bias: Tensor?, epsilon: Double
) -> Tensor {
  Functional.groupNorm(
    .tensor(x), .int(groupCount), .optional(weight), .optional(bias), .double(epsilon))
}

/// Normalizes each channel to mean 0 and variance 1 (Ioffe & Szegedy 2015), then scales and shifts.
///
/// - Parameters:
///   - x: `[N, C, ...]`
///   - weight: `[C]`
///   - bias: `[C]`
///   - runningMean: `[C]`; in training moved towards the batch's.
///   - runningVariance: `[C]`; in training moved towards the batch's.
///   - isTraining: whether to normalize by the batch, not by the running values.
///   - momentum: the share of the batch in new running values.
///   - epsilon: added to the variance.
/// - Returns: `[N, C, ...]`
public func batchNorm(
  _ x: Tensor, weight: Tensor, bias: Tensor, runningMean: Tensor, runningVariance: Tensor,
  isTraining: Bool, momentum: Double = 0.1, epsilon: Double = 1e-5
) -> Tensor {
  Functional.batchNorm(
    .tensor(x), .tensor(weight), .tensor(bias), .tensor(runningMean), .tensor(runningVariance),
    .bool(isTraining), .double(momentum), .double(epsilon), false)
}

/// The mean cross-entropy of labels under the softmax of scores.
///
/// - Parameters:
///   - logits: `[N, K]`
///   - labels: `[N]`, int64, below K.
///   - smoothing: the share of each label that is spread over all classes (Szegedy et al. 2016, section 7).
/// - Returns: a scalar.
public func crossEntropy(_ logits: Tensor, labels: Tensor, smoothing: Double = 0) -> Tensor {
  Functional.crossEntropy(
    .tensor(logits), .tensor(labels), nil, 1, -100, .double(smoothing))
}

/// The Gaussian error linear unit in its tanh form (Hendrycks & Gimpel 2016, section 2).
public func geluTanh(_ x: Tensor) -> Tensor { gelu(x, .tanh) }

/// The forms of the Gaussian error linear unit (Hendrycks & Gimpel 2016, section 2).
public enum GELUForm: String, Sendable {
  /// By the distribution function of the normal distribution.
  case exact = "none"
  /// By a tanh near it.
  case tanh
}

/// The Gaussian error linear unit.
public func gelu(_ x: Tensor, _ form: GELUForm) -> Tensor {
  Functional.gelu(.tensor(x), .string(form.rawValue))
}

/// x times its logistic sigmoid.
public func silu(_ x: Tensor) -> Tensor { Functional.silu(.tensor(x)) }

/// max(x, 0).
public func relu(_ x: Tensor) -> Tensor { Functional.relu(.tensor(x)) }

/// softmax(q kᵀ / √d) v (Vaswani et al. 2017, equation 1).
///
/// - Parameters:
///   - query: `[N, heads, T, d]`
///   - key: `[N, heads, S, d]`
///   - value: `[N, heads, S, d]`
/// - Returns: `[N, heads, T, d]`
public func scaledDotProductAttention(query: Tensor, key: Tensor, value: Tensor) -> Tensor {
  Functional.attention(.tensor(query), .tensor(key), .tensor(value))
}

/// Rows of a table.
///
/// - Parameters:
///   - indices: int64, any shape, each below K.
///   - table: `[K, D]`
/// - Returns: the shape of `indices`, then D.
public func embedding(_ indices: Tensor, table: Tensor) -> Tensor {
  Functional.embedding(.tensor(table), .tensor(indices))
}

/// Doubles height and width by repeating pixels.
///
/// - Parameter x: `[N, C, H, W]`
/// - Returns: `[N, C, 2 H, 2 W]`
public func upsampledNearest2x(_ x: Tensor) -> Tensor {
  Functional.upsampleNearest(.tensor(x), .ints([2 * x.size(2), 2 * x.size(3)]))
}

/// Resizes images with the cubic filter of Keys 1981 (a = -0.5), with antialiasing.
///
/// - Parameters:
///   - x: `[N, C, H, W]`; uint8 is fastest with channels last.
///   - height: the new height.
///   - width: the new width.
/// - Returns: `[N, C, height, width]`; uint8 is rounded and clamped.
public func resizedBicubic(_ x: Tensor, height: Int, width: Int) -> Tensor {
  Functional.resizeBicubic(.tensor(x), .ints([height, width]), false)
}

/// Resizes images with the cubic filter of Keys 1981 (a = -0.75), without antialiasing.
///
/// - Parameters:
///   - x: `[N, C, H, W]`
///   - height: the new height.
///   - width: the new width.
///   - scales: new over old sizes, as far as places of pixels go; nil for those of the sizes.
/// - Returns: `[N, C, height, width]`
public func resizedBicubicWithoutFilter(
  _ x: Tensor, height: Int, width: Int, scales: (height: Double, width: Double)? = nil
) -> Tensor {
  Functional.upsampleBicubic(
    .tensor(x), .ints([height, width]), false, scales.map { .double($0.height) } ?? .none,
    scales.map { .double($0.width) } ?? .none)
}

/// The natural logarithms of the softmax along the last dimension.
public func logSoftmax(_ x: Tensor) -> Tensor { Functional.logSoftmax(.tensor(x), -1, nil) }
