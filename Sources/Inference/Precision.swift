public import Torch

/// The number format that a model computes in.
public enum Precision: CaseIterable, Sendable {
  /// bf16 where the hardware has it, else fp32.
  case auto
  case fp32
  case bf16
  case fp16
  /// Linear layers in 8-bit integers.
  case int8
  /// 8-bit linear layers, but for the second one of each MLP, which is float32: slower and nearer.
  case int8WithFloatFC2
  /// Linear layers in 8-bit floating point.
  case fp8

  /// What users call it: `int8` whatever the second layer of each MLP is.
  public var name: String {
    switch self {
    case .auto: "auto"
    case .fp32: "fp32"
    case .bf16: "bf16"
    case .fp16: "fp16"
    case .int8, .int8WithFloatFC2: "int8"
    case .fp8: "fp8"
    }
  }

  /// The format of a name; the second layer of each MLP is as the others.
  public init?(name: String) {
    guard let format = Precision.allCases.first(where: { $0.name == name }) else { return nil }
    self = format
  }

  /// What users call the format of the second layer of each MLP; nil but for 8 bits.
  public var secondLayerName: String? {
    switch self {
    case .int8: "int8"
    case .int8WithFloatFC2: "fp32"
    case .auto, .fp32, .bf16, .fp16, .fp8: nil
    }
  }

  /// Whether linear layers are 8-bit integers.
  public var isInt8: Bool { linearFormat == .int8 }

  /// Whether float32 stands in for products of bytes here: results are those of 8 bits, times are not.
  public var isEmulated: Bool { isInt8 && Processor.emulatesInt8 }
}

extension Precision: CustomStringConvertible {
  /// The name, with that of the second layer where it is another.
  public var description: String {
    self == .int8WithFloatFC2 ? "\(name) (fc2 fp32)" : name
  }
}

extension Precision {
  /// The type that a model's parameters are to be given in.
  ///
  /// The compiled model converts weights by itself, so that modulation is computed in float32.
  public func parameterType(in mode: ExecutionMode) -> DType {
    mode == .graph ? .float32 : linearFormat.dtype
  }

  /// What the linear layers of the blocks compute in.
  var linearFormat: ActivationFormat {
    switch self {
    case .bf16: .bfloat16
    case .fp16: .float16
    case .int8, .int8WithFloatFC2: .int8
    case .fp8: .float8
    case .auto, .fp32: .float32
    }
  }

  /// What the second layer of each MLP computes in.
  var secondLayerFormat: ActivationFormat { self == .int8WithFloatFC2 ? .float32 : linearFormat }
}

extension Precision {
  /// What matrix products compute in when a model is trained; nil where training cannot.
  public var trainingType: DType? {
    switch self {
    case .auto, .fp32: .float32
    case .bf16: .bfloat16
    case .fp16: .float16
    case .int8, .int8WithFloatFC2, .fp8: nil
    }
  }
}
