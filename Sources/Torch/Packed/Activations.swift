private enum Quantization {
  static let quantizeRows = Operator("dit::quantize_rows")
}

/// The number format of a packed layer's input.
public enum ActivationFormat: Sendable, CaseIterable {
  /// 32-bit floats.
  case float32
  /// bfloat16: the upper half of a float32.
  case bfloat16
  /// IEEE half precision.
  case float16
  /// 8-bit integers around a zero point of 128, with a scale for each row.
  case int8
  /// 8-bit floating point (4 exponent bits, 3 mantissa bits), with a scale for each row.
  case float8

  /// The type of the elements.
  public var dtype: DType {
    switch self {
    case .float32: .float32
    case .bfloat16: .bfloat16
    case .float16: .float16
    case .int8: .uint8
    case .float8: .float8e4m3
    }
  }

  /// The format of a layer's results, and of activations between layers.
  public var resultFormat: ActivationFormat {
    switch self {
    case .float32, .bfloat16, .float16: self
    case .int8: .float32
    case .float8: .bfloat16
    }
  }
}

/// The input of a packed linear layer, quantized in 8-bit formats.
public struct Activations {
  /// `[..., K]`, in the type of the format.
  public let values: Tensor
  /// A scale for each row, float32: an 8-bit integer b stands for (b - 128) scale, an 8-bit
  /// floating-point number x for x scale. nil for other formats.
  public let scales: Tensor?

  /// Wraps activations that are in their format.
  init(values: Tensor, scales: Tensor?) {
    self.values = values
    self.scales = scales
  }

  /// Converts or quantizes. In int8 the largest magnitude of a row becomes 127 steps; a row with
  /// infinity or NaN gets the scale NaN.
  ///
  /// - Parameters:
  ///   - x: `[..., K]`; for int8 float32, on a processor.
  ///   - format: the format of the next layer.
  public init(_ x: Tensor, as format: ActivationFormat) {
    switch format {
    case .float32, .bfloat16, .float16:
      self.init(values: x.to(format.dtype), scales: nil)
    case .int8:
      let results = Quantization.quantizeRows.results(.tensor(x), count: 2)
      self.init(values: results[0], scales: results[1])
    case .float8:
      self.init(float8: x)
    }
  }

  /// The dequantized numbers, `[..., K]`, float32.
  public var numbers: Tensor {
    guard let scales else { return values.to(.float32) }
    let shape = values.shape.dropLast() + [1]
    let steps = values.to(.float32)
    return (values.dtype == .uint8 ? steps - 128 : steps) * scales.reshaped(Array(shape))
  }
}

/// The output of a residual branch: numbers, or the sums of an int8 product, which are rescaled where
/// they are added to the tokens.
public struct BranchOutput {
  /// Rescales the sums: sum × row × column + bias.
  struct Scales {
    let rows: Tensor  // [rows]
    let columns: Tensor  // [N]
    let bias: Tensor  // [N]
  }

  /// `[..., N]`
  let values: Tensor
  let scales: Scales?

  init(values: Tensor, scales: Scales?) {
    self.values = values
    self.scales = scales
  }

  /// Numbers, `[..., N]`.
  public init(_ values: Tensor) { self.init(values: values, scales: nil) }
}
