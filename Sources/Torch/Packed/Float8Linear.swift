private enum Float8 {
  static let product = Operator("aten::_scaled_mm")
  static let largestOfRows = Operator("aten::amax")
  static let quantizeRows = Operator("dit::quantize_rows_e4m3")
  /// The largest e4m3 number (Micikevicius et al. 2022, table 1).
  static let largest = 448.0
}

/// A linear layer in 8-bit floating point (e4m3): the weight has a scale for each output, the input
/// one for each row. Sums are float32, results bfloat16.
struct Float8Linear {
  private let weight: Tensor  // [out, in]
  private let scales: Tensor  // [1, out], float32
  private let bias: Tensor?  // [out], bfloat16

  /// - Parameters:
  ///   - weight: `[out, in]`, float32; not kept.
  ///   - bias: `[out]`
  /// - Throws: `TorchError` on a processor, if the weight is not finite, or if its sizes are no
  ///   multiples of 16.
  init(weight: Tensor, bias: Tensor?) throws(TorchError) {
    guard !weight.device.capabilities.hasPackedKernels else {
      throw TorchError(operation: "fp8 linear layer", message: "it needs an NVIDIA GPU")
    }
    guard weight.shape.allSatisfy({ $0.isMultiple(of: 16) }) else {
      throw TorchError(
        operation: "fp8 linear layer", message: "the sizes \(weight.shape) must be multiples of 16")
    }
    let rows = Activations(float8: weight.contiguous)
    guard let steps = rows.scales, steps.sum().item.isFinite else {
      throw TorchError(operation: "fp8 linear layer", message: "the weight is not finite")
    }
    self.weight = rows.values
    scales = steps.reshaped([1, -1]).contiguous
    self.bias = bias?.to(.bfloat16).contiguous
  }

  /// The results, `[..., out]`, bfloat16.
  func numbers(_ x: Activations) -> Tensor {
    guard let steps = x.scales else {
      fatalError("an fp8 layer takes fp8 activations, not \(x.values)")
    }
    let shape = x.values.shape
    let result = Float8.product(
      .tensor(x.values.reshaped([-1, shape[shape.count - 1]])), .tensor(weight.transposed()),
      .tensor(steps.reshaped([-1, 1])), .tensor(scales), .optional(bias), nil, .dtype(.bfloat16),
      true)
    return result.reshaped(shape.dropLast() + [weight.size(0)])
  }
}

extension Activations {
  /// Quantizes to 8-bit floating point: the largest magnitude of a row becomes 448. A row with
  /// infinity or NaN gets a scale that is infinite or NaN.
  ///
  /// - Parameters:
  ///   - x: `[..., K]`
  ///   - gelu: applies GELU (tanh form) first.
  init(float8 x: Tensor, gelu: Bool = false) {
    guard !x.isCPU, OwnOperators.serve(x) else {
      let numbers = (gelu ? geluTanh(x) : x).to(.float32)
      let largest = Float8.largestOfRows(.tensor(numbers.magnitude), .ints([-1]), true)
      let steps = largest / Float8.largest
      let values = numbers / steps.clamped(min: 1e-30)  // a row of zeros has no step
      self.init(values: values.to(.float8e4m3), scales: steps)
      return
    }
    let results = Float8.quantizeRows.results(.tensor(x.contiguous), .bool(gelu), count: 2)
    self.init(values: results[0], scales: results[1])
  }
}
