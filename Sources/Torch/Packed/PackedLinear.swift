internal import CKernels

private enum Packed {
  static let reorder = try? Operator(finding: "mkldnn::_reorder_linear_weight")
  static let linear = try? Operator(finding: "mkldnn::_linear_pointwise")
  static let pack = Operator("dit::pack_linear_weight")
  static let packedLinear = Operator("dit::packed_linear")
  static let linearGELU = Operator("aten::_addmm_activation")
}

/// A linear layer for inference. On a processor the weight is laid out once for the matrix product,
/// and bias and GELU are applied before results leave the registers.
public struct PackedLinear {
  /// The layout of the weight.
  private enum Layout {
    /// `[out, in]`, in the type of the format.
    case plain(Tensor)
    /// oneDNN's, the fastest with AVX-512.
    case oneDNN(Tensor, Operator)
    /// Ours, the fastest with AVX2; float32.
    case panels(Tensor)
    /// 8-bit integers.
    case int8(Int8Linear)
    /// 8-bit floating point.
    case float8(Float8Linear)
  }

  /// The format of the input.
  public let format: ActivationFormat
  private let bias: Tensor?
  private let outputCount: Int
  private let layout: Layout

  /// Lays out a weight.
  ///
  /// - Parameters:
  ///   - weight: `[out, in]`; not kept if it is packed.
  ///   - bias: `[out]`
  ///   - format: the number format of the product.
  /// - Throws: `TorchError` for int8 and float8, if the weight is not finite or the hardware lacks
  ///   the format.
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
  ///   - weight: `[out, in]`; not kept if it is packed.
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

  /// Whether float32 products on this processor are ours, not oneDNN's.
  public static var hasOwnProducts: Bool { OwnOperators.areBuilt && oneDNN(.float32) == nil }

  /// oneDNN's packing and product; nil if oneDNN is not the fastest in this format.
  private static func oneDNN(_ format: ActivationFormat) -> (Operator, Operator)? {
    guard let reorder = Packed.reorder, let linear = Packed.linear, isServedByOneDNN(format) else {
      return nil
    }
    return (reorder, linear)
  }

  /// Whether oneDNN is the fastest in a format on this processor.
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
  /// - Returns: `[..., out]`, in `format.resultFormat`.
  public func callAsFunction(_ x: Activations) -> Tensor {
    switch layout {
    case .int8(let linear): linear.numbers(x)
    case .float8(let linear): linear.numbers(x)
    case .plain, .oneDNN, .panels: numbers(x.values)
    }
  }

  /// Applies the layer and GELU.
  ///
  /// - Parameters:
  ///   - x: `[..., in]`
  ///   - form: of GELU; the tanh form is fused into all products.
  ///   - next: the format of the result; nil for `format`.
  /// - Returns: `[..., out]`
  public func gelu(
    _ x: Activations, form: GELUForm = .tanh, as next: ActivationFormat? = nil
  ) -> Activations {
    let next = next ?? format
    switch layout {
    case .int8(let linear) where next == .int8 && form == .tanh: return linear.gelu(x)
    case .float8(let linear) where next == .float8 && form == .tanh:
      return Activations(float8: linear.numbers(x), gelu: true)
    case .int8(let linear): return Activations(Torch.gelu(linear.numbers(x), form), as: next)
    case .float8(let linear): return Activations(Torch.gelu(linear.numbers(x), form), as: next)
    case .plain, .oneDNN, .panels: return Activations(numbers(x.values, gelu: form), as: next)
    }
  }

  /// Applies the layer, which makes gates, then values, side by side: silu(gate) value (Shazeer 2020,
  /// equation 6).
  ///
  /// - Parameters:
  ///   - x: `[..., in]`
  ///   - next: the format of the result.
  /// - Returns: `[..., out / 2]`
  public func swiGLU(_ x: Activations, as next: ActivationFormat) -> Activations {
    Activations(gating: branchOutput(x), as: next)
  }

  /// Applies the layer at the end of a residual branch.
  ///
  /// - Parameter x: `[..., in]`
  /// - Returns: `[..., out]`
  public func branchOutput(_ x: Activations) -> BranchOutput {
    guard case .int8(let linear) = layout else { return BranchOutput(self(x)) }
    return linear.branchOutput(x)
  }

  private func numbers(_ x: Tensor, gelu form: GELUForm? = nil) -> Tensor {
    switch layout {
    case .plain(let weight):
      return form.map { linearGELU(x, weight, $0) } ?? linear(x, weight: weight, bias: bias)
    case .panels(let weight):
      let product = Packed.packedLinear(
        .tensor(x), .tensor(weight), .optional(bias), .int(outputCount), .bool(form == .tanh))
      return form == .exact ? Torch.gelu(product, .exact) : product
    case .oneDNN(let weight, let linear):
      return linear(
        .tensor(x), .tensor(weight), .optional(bias), .string(form == nil ? "none" : "gelu"),
        .scalars([]), .string(form?.rawValue ?? ""))
    case .int8, .float8:
      fatalError("8-bit layers multiply by themselves")
    }
  }

  /// On CUDA one operator applies product, bias and GELU (tanh form). On other devices the same
  /// operator computes the exact form.
  private func linearGELU(_ x: Tensor, _ weight: Tensor, _ form: GELUForm) -> Tensor {
    guard let bias, x.device.isCUDA, form == .tanh else {
      return Torch.gelu(linear(x, weight: weight, bias: bias), form)
    }
    let shape = x.shape
    return Packed.linearGELU(
      .tensor(bias), .tensor(x.reshaped([-1, shape[shape.count - 1]])),
      .tensor(weight.transposed()), 1, 1, true
    )
    .reshaped(shape.dropLast() + [outputCount])
  }
}
