private enum Quantization {
  static let quantizeRows = Operator("dit::quantize_rows")
}

/// The number format in which a linear layer takes its input.
public enum ActivationFormat: Sendable, CaseIterable {
  case float32
  case bfloat16
  case float16
  /// 8-bit steps away from 128, with the size of a step for each row.
  case int8
  /// 8-bit floating point (4 bits of exponent, 3 of mantissa), with a scale for each row.
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

  /// The format of numbers that a layer over this one gives, and of what lies between layers.
  public var resultFormat: ActivationFormat {
    switch self {
    case .float32, .bfloat16, .float16: self
    case .int8: .float32
    case .float8: .bfloat16
    }
  }
}

/// Rows of numbers as a linear layer takes them.
public struct Activations {
  /// `[..., K]`: numbers, or bytes.
  public let values: Tensor
  /// The size of a step, one for each row, float32: a byte b stands for (b - 128) steps, an 8-bit
  /// floating-point number x for x steps. Nil for other formats.
  public let scales: Tensor?

  /// Rows that are in their format already.
  init(values: Tensor, scales: Tensor?) {
    self.values = values
    self.scales = scales
  }

  /// Brings numbers to a format. Bytes take the largest magnitude of a row as 127 steps; a row that
  /// is not finite gets NaN as its scale.
  ///
  /// - Parameters:
  ///   - x: `[..., K]`; for bytes float32, on a processor.
  ///   - format: what the next layer takes.
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

  /// The numbers that the rows stand for, `[..., K]`, float32.
  public var numbers: Tensor {
    guard let scales else { return values.to(.float32) }
    let shape = values.shape.dropLast() + [1]
    let steps = values.to(.float32)
    return (values.dtype == .uint8 ? steps - 128 : steps) * scales.reshaped(Array(shape))
  }
}

/// What a branch of a network adds to its tokens: numbers, or the sums of a product of bytes, which
/// become numbers where they are added.
public struct BranchOutput {
  /// What makes a number of a sum: sum × row × column + bias.
  struct Scales {
    let rows: Tensor  // one for each row
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
