public import Torch

/// The number format that a model computes in.
public enum Precision: String, CaseIterable, Sendable {
  /// bf16 where the hardware has it, else fp32.
  case auto
  case fp32
  case bf16
  case fp16
  /// Linear layers in 8-bit integers.
  case int8
  /// 8-bit linear layers, but for the second one of each MLP, which is float32: slower and nearer.
  case int8WithFloatFC2 = "int8-fc2-fp32"
  /// Linear layers in 8-bit floating point.
  case fp8

  /// Whether linear layers are 8-bit integers.
  public var isInt8: Bool { linearFormat == .bytes }
}

extension Precision {
  /// The type that a model's parameters are to be given in.
  ///
  /// The compiled model converts weights by itself, so that modulation is computed in float32.
  public func parameterType(in mode: ExecutionMode) -> DType {
    mode == .graph ? .float32 : linearFormat.dtype
  }

  /// What the linear layers of the blocks compute in.
  var linearFormat: RowFormat {
    switch self {
    case .bf16: .bfloat16
    case .fp16: .float16
    case .int8, .int8WithFloatFC2: .bytes
    case .fp8: .float8
    case .auto, .fp32: .float32
    }
  }

  /// What the second layer of each MLP computes in.
  var secondLayerFormat: RowFormat { self == .int8WithFloatFC2 ? .float32 : linearFormat }
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
