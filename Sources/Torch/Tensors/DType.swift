internal import CTorch

/// The type of a tensor's elements.
public enum DType: Int8, Sendable, CaseIterable, CustomStringConvertible {
  /// Bytes, such as pixels.
  case uint8 = 0
  /// 8-bit integers.
  case int8 = 1
  /// 16-bit integers.
  case int16 = 2
  /// 32-bit integers.
  case int32 = 3
  /// 64-bit integers, the type of indices.
  case int64 = 4
  /// IEEE half precision.
  case float16 = 5
  /// IEEE single precision.
  case float32 = 6
  /// IEEE double precision.
  case float64 = 7
  /// One byte, 0 or 1.
  case bool = 11
  /// The upper half of a float32.
  case bfloat16 = 15
  /// 8-bit floats, 5 bits of exponent and 2 of mantissa.
  case float8e5m2 = 23
  /// 8-bit floats, 4 bits of exponent and 3 of mantissa.
  case float8e4m3 = 24

  /// The size of one element in bytes.
  public var byteCount: Int {
    switch self {
    case .uint8, .int8, .bool, .float8e5m2, .float8e4m3: 1
    case .int16, .float16, .bfloat16: 2
    case .int32, .float32: 4
    case .int64, .float64: 8
    }
  }

  /// Whether the elements are floating-point numbers.
  public var isFloatingPoint: Bool {
    switch self {
    case .float16, .float32, .float64, .bfloat16, .float8e5m2, .float8e4m3: true
    case .uint8, .int8, .int16, .int32, .int64, .bool: false
    }
  }

  /// PyTorch's name, such as "float32".
  public var description: String {
    switch self {
    case .uint8: "uint8"
    case .int8: "int8"
    case .int16: "int16"
    case .int32: "int32"
    case .int64: "int64"
    case .float16: "float16"
    case .float32: "float32"
    case .float64: "float64"
    case .bool: "bool"
    case .bfloat16: "bfloat16"
    case .float8e5m2: "float8_e5m2"
    case .float8e4m3: "float8_e4m3"
    }
  }
}

extension DType: Codable {
  /// Reads the usual name.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let name = try container.decode(String.self)
    guard let type = DType.allCases.first(where: { $0.description == name }) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "unknown element type '\(name)'")
    }
    self = type
  }

  /// Writes the usual name.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

/// A Swift number type that tensors can hold.
public protocol TensorElement: Sendable {
  /// The matching element type.
  static var dtype: DType { get }
}

extension UInt8: TensorElement {
  /// `uint8`.
  public static var dtype: DType { .uint8 }
}
extension Int8: TensorElement {
  /// `int8`.
  public static var dtype: DType { .int8 }
}
extension Int32: TensorElement {
  /// `int32`.
  public static var dtype: DType { .int32 }
}
extension Int64: TensorElement {
  /// `int64`.
  public static var dtype: DType { .int64 }
}
extension Int: TensorElement {
  /// `int64`.
  public static var dtype: DType { .int64 }
}
extension Float: TensorElement {
  /// `float32`.
  public static var dtype: DType { .float32 }
}
extension Double: TensorElement {
  /// `float64`.
  public static var dtype: DType { .float64 }
}
extension Bool: TensorElement {
  /// `bool`.
  public static var dtype: DType { .bool }
}
