internal import Torch

/// An element type as a pickle names it, supported by this package or not.
struct PickleElementType: Equatable {
  /// PyTorch's name, for example "float32".
  let name: String

  /// The type in this package; nil for others, such as complex numbers.
  var dtype: DType? { PickleElementType.known[name] }

  /// The size of an element in bytes; nil if unknown.
  var byteCount: Int? {
    switch name {
    case "quint8", "qint8": 1
    case "complex64": 8
    case "complex128": 16
    case "qint32": 4
    default: dtype?.byteCount
    }
  }

  /// The type of numbers whose opposites are stored, as PyTorch's negative bit says.
  static func negated(_ type: PickleElementType) -> PickleElementType {
    PickleElementType(unchecked: type.name + ", negated")
  }

  private init(unchecked name: String) { self.name = name }

  /// Finds an attribute of the `torch` module; nil for other attributes.
  init?(_ name: String) {
    guard PickleElementType.known[name] != nil || PickleElementType.foreign.contains(name) else {
      return nil
    }
    self.name = name
  }

  /// Finds a class such as `FloatStorage` of the `torch` module; nil for other attributes.
  init?(storageClass: String) {
    guard let name = PickleElementType.storageClasses[storageClass] else { return nil }
    self.name = name
  }

  /// The storage class of a type, for example "FloatStorage"; nil if PyTorch has none.
  static func storageClass(of dtype: DType) -> String? {
    storageClasses.first { known[$0.value] == dtype }?.key
  }

  /// PyTorch's name of a type.
  static func name(of dtype: DType) -> String {
    known.first { $0.value == dtype }?.key ?? dtype.description
  }

  private static let known: [String: DType] = [
    "uint8": .uint8, "int8": .int8, "int16": .int16, "int32": .int32, "int64": .int64,
    "float16": .float16, "float32": .float32, "float64": .float64, "bool": .bool,
    "bfloat16": .bfloat16, "float8_e5m2": .float8e5m2, "float8_e4m3fn": .float8e4m3,
  ]

  private static let foreign: Set<String> = [
    "complex32", "complex64", "complex128", "uint16", "uint32", "uint64", "quint8", "qint8",
    "qint32", "quint4x2", "quint2x4", "float8_e5m2fnuz", "float8_e4m3fnuz", "float8_e8m0fnu",
    "float4_e2m1fn_x2",
  ]

  private static let storageClasses: [String: String] = [
    "ByteStorage": "uint8", "CharStorage": "int8", "ShortStorage": "int16", "IntStorage": "int32",
    "LongStorage": "int64", "HalfStorage": "float16", "FloatStorage": "float32",
    "DoubleStorage": "float64", "BoolStorage": "bool", "BFloat16Storage": "bfloat16",
    "ComplexFloatStorage": "complex64", "ComplexDoubleStorage": "complex128",
    "QUInt8Storage": "quint8", "QInt8Storage": "qint8", "QInt32Storage": "qint32",
    "QUInt4x2Storage": "quint4x2", "QUInt2x4Storage": "quint2x4",
  ]
}
