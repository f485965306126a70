internal import CTorch

private enum Packed {
  static let reorder = try? Operator(finding: "mkldnn::_reorder_linear_weight")
  static let linear = try? Operator(finding: "mkldnn::_linear_pointwise")
  static let pack = Operator("dit::pack_linear_weight")
  static let packedLinear = Operator("dit::packed_linear")
}

/// A linear layer for inference: on a processor its weight is laid out for the matrix product once,
/// and bias and activation are applied as results leave the registers.
public struct PackedLinear {
  /// What is applied to the results.
  public enum Activation: Sendable {
    case none
    /// The tanh form of GELU.
    case geluTanh
  }

  /// Whose layout the weight has.
  private enum Layout {
    /// As it came.
    case plain
    /// oneDNN's, which reaches the peak of AVX-512.
    case oneDNN(Operator)
    /// Our own, which reaches the peak of narrower vectors.
    case panels
  }

  private let weight: Tensor
  private let bias: Tensor?
  private let outputCount: Int
  private let layout: Layout

  /// Lays out a weight.
  ///
  /// - Parameters:
  ///   - weight: `[out, in]`, contiguous; not kept where it is packed.
  ///   - bias: `[out]`
  public init(weight: Tensor, bias: Tensor?) {
    self.bias = bias
    outputCount = weight.size(0)
    if weight.isCPU, weight.dtype == .float32, !ctorch_has_wide_vectors() {
      self.weight = Packed.pack(.tensor(weight))
      layout = .panels
    } else if weight.isCPU, let reorder = Packed.reorder, let linear = Packed.linear {
      self.weight = reorder(.tensor(weight), nil)
      layout = .oneDNN(linear)
    } else {
      self.weight = weight
      layout = .plain
    }
  }

  /// Applies the layer.
  ///
  /// - Parameters:
  ///   - x: `[..., in]`
  ///   - activation: applied to the results.
  /// - Returns: `[..., out]`
  public func callAsFunction(_ x: Tensor, activation: Activation = .none) -> Tensor {
    switch layout {
    case .plain:
      let result = linear(x, weight: weight, bias: bias)
      return activation == .geluTanh ? geluTanh(result) : result
    case .panels:
      return Packed.packedLinear(
        .tensor(x), .tensor(weight), .optional(bias), .int(outputCount),
        .bool(activation == .geluTanh))
    case .oneDNN(let linear):
      let (name, algorithm): (Argument, Argument) =
        switch activation {
        case .none: (.string("none"), nil)
        case .geluTanh: (.string("gelu"), .string("tanh"))
        }
      return linear(
        .tensor(x), .tensor(weight), .optional(bias), name, .scalars([]), algorithm)
    }
  }
}
