private enum Quantization {
  static let quantizeRows = Operator("dit::quantize_rows")
}

/// The number format in which a linear layer takes its input.
public enum RowFormat: Sendable, CaseIterable {
  case float32
  case bfloat16
  case float16
  /// 8-bit steps away from 128, with the size of a step for each row.
  case bytes

  /// The type of the elements.
  public var dtype: DType {
    switch self {
    case .float32: .float32
    case .bfloat16: .bfloat16
    case .float16: .float16
    case .bytes: .uint8
    }
  }
}

/// Rows of numbers as a linear layer takes them.
public struct Rows {
  /// `[..., K]`: numbers, or bytes.
  public let values: Tensor
  /// For bytes the size of a step, one for each row, float32: a byte b stands for (b - 128) steps.
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
  public init(_ x: Tensor, as format: RowFormat) {
    guard format == .bytes else {
      self.init(values: x.to(format.dtype), scales: nil)
      return
    }
    let results = Quantization.quantizeRows.results(.tensor(x), count: 2)
    self.init(values: results[0], scales: results[1])
  }

  /// The numbers that the rows stand for, `[..., K]`, float32.
  public var numbers: Tensor {
    guard let scales else { return values.to(.float32) }
    let shape = values.shape.dropLast() + [1]
    return (values.to(.float32) - 128) * scales.reshaped(Array(shape))
  }
}

/// What a branch of a network adds to its tokens: numbers, or the sums of a product of bytes, which
/// become numbers where they are added.
public struct Residual {
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
