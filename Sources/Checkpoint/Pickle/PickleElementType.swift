internal import Torch

/// An element type as a pickle names it, supported by this package or not.
struct PickleElementType: Equatable {
  /// PyTorch's name, for example "float32".
  private let name: String
  /// The way in which elements differ from plain ones of this type; nil for plain ones.
  private(set) var form: String?

  /// The type in this package; nil for others, such as complex or sparse numbers.
  var dtype: DType? { form == nil ? PickleElementType.known[name] : nil }

  /// The size of an element in bytes; nil if it is unknown, or less than one.
  var byteCount: Int? {
    PickleElementType.known[name]?.byteCount ?? PickleElementType.foreign[name] ?? nil
  }

  /// The name, after the form: "sparse float32".
  var description: String { (form.map { "\($0) " } ?? "") + name }

  /// The type in another form, such as sparse, or negated: the opposites are stored, as PyTorch's
  /// negative bit says.
  func inForm(_ form: String) -> PickleElementType {
    var type = self
    type.form = form
    return type
  }

  /// Finds an attribute of the `torch` module; nil for other attributes.
  init?(_ name: String) {
    guard PickleElementType.known[name] != nil || PickleElementType.foreign[name] != nil else {
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

  /// The sizes of types that are not computed in; nil for those of less than a byte.
  private static let foreign: [String: Int?] = {
    var sizes: [String: Int?] = [
      "complex32": 4, "complex64": 8, "complex128": 16, "uint16": 2, "uint32": 4, "uint64": 8,
      "quint8": 1, "qint8": 1, "qint32": 4, "quint4x2": nil, "quint2x4": nil,
      "float8_e5m2fnuz": 1, "float8_e4m3fnuz": 1, "float8_e8m0fnu": 1, "float4_e2m1fn_x2": 1,
      "float128": 16, "bits8": 1, "bits16": 2, "bits1x8": nil, "bits2x4": nil, "bits4x2": nil,
    ]
    for bits in 1...7 {
      for name in ["int\(bits)", "uint\(bits)"] { sizes.updateValue(nil, forKey: name) }
    }
    return sizes
  }()

  private static let storageClasses: [String: String] = [
    "ByteStorage": "uint8", "CharStorage": "int8", "ShortStorage": "int16", "IntStorage": "int32",
    "LongStorage": "int64", "HalfStorage": "float16", "FloatStorage": "float32",
    "DoubleStorage": "float64", "BoolStorage": "bool", "BFloat16Storage": "bfloat16",
    "ComplexFloatStorage": "complex64", "ComplexDoubleStorage": "complex128",
    "QUInt8Storage": "quint8", "QInt8Storage": "qint8", "QInt32Storage": "qint32",
    "QUInt4x2Storage": "quint4x2", "QUInt2x4Storage": "quint2x4",
  ]
}
