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
}

extension Precision {
  /// The type of the parameters as they are loaded, and of the computation but for 8-bit layers.
  public var dtype: DType {
    switch self {
    case .bf16: .bfloat16
    case .fp16: .float16
    case .auto, .fp32, .int8: .float32
    }
  }
}
