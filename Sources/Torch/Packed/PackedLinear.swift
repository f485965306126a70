internal import CKernels

private enum Packed {
  static let reorder = try? Operator(finding: "mkldnn::_reorder_linear_weight")
  static let linear = try? Operator(finding: "mkldnn::_linear_pointwise")
  static let pack = Operator("dit::pack_linear_weight")
  static let packedLinear = Operator("dit::packed_linear")
  static let linearGELU = Operator("aten::_addmm_activation")
}

/// A linear layer for inference: on a processor its weight is laid out for the matrix product once,
/// and bias and activation are applied as results leave the registers.
public struct PackedLinear {
  /// How the weight is held, and whose layout it has.
  private enum Layout {
    /// As it came, in the type of the format.
    case plain(Tensor)
    /// oneDNN's, which reaches the peak of AVX-512.
    case oneDNN(Tensor, Operator)
    /// Our own, which reaches the peak of narrower vectors; float32.
    case panels(Tensor)
    /// In 8 bits.
    case int8(Int8Linear)
    /// In 8-bit floating point.
    case float8(Float8Linear)
  }

  /// The format of input and, but for bytes, of results.
  public let format: ActivationFormat
  private let bias: Tensor?
  private let outputCount: Int
  private let layout: Layout

  /// Lays out a weight.
  ///
  /// - Parameters:
  ///   - weight: `[out, in]`; not kept where it is packed.
  ///   - bias: `[out]`
  ///   - format: the number format to compute in.
  /// - Throws: `TorchError` for bytes and float8, if the weight is not finite or the hardware has no
  ///   products of them.
  public init(weight: Tensor, bias: Tensor?, format: ActivationFormat) throws(TorchError) {
    self.format = format
    outputCount = weight.size(0)
    guard format != .int8, format != .float8 else {
      self.bias = bias
      layout =
        format == .int8
        ? .int8(try Int8Linear(weight: weight, bias: bias))
        : .float8(try Float8Linear(weight: weight, bias: bias))
      return
    }
    self.bias = bias?.to(format.dtype).contiguous
    layout = Self.numbersLayout(weight.to(format.dtype), format)
  }

  /// Lays out a weight in float32.
  ///
  /// - Parameters:
  ///   - weight: `[out, in]`; not kept where it is packed.
  ///   - bias: `[out]`
  public init(weight: Tensor, bias: Tensor?) {
    format = .float32
    outputCount = weight.size(0)
    self.bias = bias?.to(.float32).contiguous
    layout = Self.numbersLayout(weight.to(.float32), .float32)
  }

  private static func numbersLayout(_ weight: Tensor, _ format: ActivationFormat) -> Layout {
    guard weight.device.capabilities.hasPackedKernels else { return .plain(weight) }
    if let (reorder, linear) = oneDNN(format) {
      return .oneDNN(reorder(.tensor(weight.contiguous), nil), linear)
    }
    if format == .float32 { return .panels(Packed.pack(.tensor(weight))) }
    return .plain(weight)
  }

  /// Whether float32 products on a processor are our own, not oneDNN's.
  public static var hasOwnProducts: Bool { oneDNN(.float32) == nil }

  /// What lays out and multiplies, where oneDNN is the fastest at a format on this processor.
  private static func oneDNN(_ format: ActivationFormat) -> (Operator, Operator)? {
    guard let reorder = Packed.reorder, let linear = Packed.linear, isServedByOneDNN(format) else {
      return nil
    }
    return (reorder, linear)
  }

  /// Whether oneDNN is the fastest at a format on this processor.
  private static func isServedByOneDNN(_ format: ActivationFormat) -> Bool {
    switch format {
    case .float32, .bfloat16: ckernels_has_avx512()
    case .float16: ckernels_has_avx512_fp16()
    case .int8, .float8: false
    }
  }

  /// Applies the layer.
  ///
  /// - Parameter x: `[..., in]`
  /// - Returns: `[..., out]`, in the `resultFormat` of this layer's format.
  public func callAsFunction(_ x: Activations) -> Tensor {
    switch layout {
    case .int8(let linear): linear.numbers(x)
    case .float8(let linear): linear.numbers(x)
    case .plain, .oneDNN, .panels: numbers(x.values, gelu: false)
    }
  }

  /// Applies the layer and the tanh form of GELU.
  ///
  /// - Parameters:
  ///   - x: `[..., in]`
  ///   - next: the format of the result; this layer's, if nothing is said.
  /// - Returns: `[..., out]`
  public func gelu(_ x: Activations, as next: ActivationFormat? = nil) -> Activations {
    let next = next ?? format
    switch layout {
    case .int8(let linear) where next == .int8: return linear.gelu(x)
    case .float8(let linear) where next == .float8:
      return Activations(float8: linear.numbers(x), gelu: true)
    case .int8(let linear): return Activations(geluTanh(linear.numbers(x)), as: next)
    case .float8(let linear): return Activations(geluTanh(linear.numbers(x)), as: next)
    case .plain, .oneDNN, .panels: return Activations(numbers(x.values, gelu: true), as: next)
    }
  }

  /// Applies the layer for a result that is added to the tokens.
  ///
  /// - Parameter x: `[..., in]`
  /// - Returns: `[..., out]`
  public func branchOutput(_ x: Activations) -> BranchOutput {
    guard case .int8(let linear) = layout else { return BranchOutput(self(x)) }
    return linear.branchOutput(x)
  }

  private func numbers(_ x: Tensor, gelu: Bool) -> Tensor {
    switch layout {
    case .plain(let weight):
      return gelu ? linearGELU(x, weight) : linear(x, weight: weight, bias: bias)
    case .panels(let weight):
      return Packed.packedLinear(
        .tensor(x), .tensor(weight), .optional(bias), .int(outputCount), .bool(gelu))
    case .oneDNN(let weight, let linear):
      return linear(
        .tensor(x), .tensor(weight), .optional(bias), .string(gelu ? "gelu" : "none"),
        .scalars([]), .string(gelu ? "tanh" : ""))
    case .int8, .float8:
      fatalError("a layer in 8 bits takes rows with scales")
    }
  }

  /// On CUDA the product applies bias and tanh GELU itself; libtorch's operator for that computes
  /// the other form of GELU elsewhere.
  private func linearGELU(_ x: Tensor, _ weight: Tensor) -> Tensor {
    guard let bias, x.device.isCUDA else {
      return geluTanh(linear(x, weight: weight, bias: bias))
    }
    let shape = x.shape
    return Packed.linearGELU(
      .tensor(bias), .tensor(x.reshaped([-1, shape[shape.count - 1]])),
      .tensor(weight.transposed()), 1, 1, true
    )
    .reshaped(shape.dropLast() + [outputCount])
  }
}
