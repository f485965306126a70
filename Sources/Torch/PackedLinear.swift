private enum Packed {
  static let reorder = try? Operator(finding: "mkldnn::_reorder_linear_weight")
  static let linear = try? Operator(finding: "mkldnn::_linear_pointwise")
}

/// A linear layer for inference: on a processor with oneDNN its weight is laid out for the matrix
/// product once, and the activation is applied as results leave the registers.
public struct PackedLinear {
  /// What is applied to the results.
  public enum Activation {
    case none
    /// The tanh form of GELU.
    case geluTanh
  }

  private let weight: Tensor
  private let bias: Tensor?
  private let isPacked: Bool

  /// Lays out a weight.
  ///
  /// - Parameters:
  ///   - weight: `[out, in]`, contiguous; not kept where it is packed.
  ///   - bias: `[out]`
  public init(weight: Tensor, bias: Tensor?) {
    self.bias = bias
    if weight.isCPU, let reorder = Packed.reorder, Packed.linear != nil {
      self.weight = reorder(.tensor(weight), nil)
      isPacked = true
    } else {
      self.weight = weight
      isPacked = false
    }
  }

  /// Applies the layer.
  ///
  /// - Parameter x: `[..., in]`
  /// - Returns: `[..., out]`
  public func callAsFunction(_ x: Tensor, activation: Activation = .none) -> Tensor {
    guard isPacked, let fused = Packed.linear else {
      let result = linear(x, weight: weight, bias: bias)
      return activation == .geluTanh ? geluTanh(result) : result
    }
    let (name, algorithm): (Argument, Argument) =
      switch activation {
      case .none: (.string("none"), nil)
      case .geluTanh: (.string("gelu"), .string("tanh"))
      }
    return fused(
      .tensor(x), .tensor(weight), .optional(bias), name, .scalars([]), algorithm)
  }
}
