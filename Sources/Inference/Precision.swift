public import Torch

/// The number format that a model computes in.
public enum Precision: String, CaseIterable, Sendable {
  /// bf16 where the hardware has it, else fp32.
  case auto
  case fp32
  case bf16
  case fp16
  /// 8-bit linear layers.
  case int8
  /// 8-bit linear layers, but for the second one of each MLP, which is float32: slower and nearer.
  case int8WithFloatFC2 = "int8-fc2-fp32"

  /// Whether linear layers are 8 bits wide.
  public var isInt8: Bool { linearFormat == .bytes }
}

extension Precision {
  /// The type that a model's parameters are to be given in.
  ///
  /// The compiled model converts the weights of its large layers by itself on a processor; all else
  /// stays in float32 there.
  public func parameterType(in mode: ExecutionMode, on device: Device) -> DType {
    mode == .graph && device == .cpu ? .float32 : linearFormat.dtype
  }

  /// What the linear layers of the blocks compute in.
  var linearFormat: RowFormat {
    switch self {
    case .bf16: .bfloat16
    case .fp16: .float16
    case .int8, .int8WithFloatFC2: .bytes
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
    case .int8, .int8WithFloatFC2: nil
    }
  }
}
