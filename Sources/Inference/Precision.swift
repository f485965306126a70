internal import Models
public import Torch

/// The number format that a model computes in.
public enum Precision: CaseIterable, Sendable {
  /// bf16 if the hardware has it; else fp32 on a processor, and fp16 on a GPU.
  case auto
  /// float32.
  case fp32
  /// bfloat16.
  case bf16
  /// float16.
  case fp16
  /// Linear layers in 8-bit integers.
  case int8
  /// 8-bit linear layers, with the second layer of each MLP in float32: slower, more accurate.
  case int8WithFloatFC2
  /// Linear layers in 8-bit floating point.
  case fp8

  /// Its name; both int8 formats are `int8`.
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

  /// The format of a name; `int8` means that all layers are int8.
  public init?(name: String) {
    guard let format = Precision.allCases.first(where: { $0.name == name }) else { return nil }
    self = format
  }

  /// The format of the second layer of each MLP, for int8; else nil.
  public var secondLayerName: String? {
    switch self {
    case .int8: "int8"
    case .int8WithFloatFC2: "fp32"
    case .auto, .fp32, .bf16, .fp16, .fp8: nil
    }
  }

  /// Whether linear layers are 8-bit integers.
  public var isInt8: Bool { linearFormat == .int8 }

  /// Whether this machine emulates int8 products in float32: same results, other speed.
  public var isEmulated: Bool { isInt8 && Processor.emulatesInt8 }
}

extension Precision: CustomStringConvertible {
  /// The name, and the format of the MLPs' second layer if it differs.
  public var description: String {
    self == .int8WithFloatFC2 ? "\(name) (fc2 fp32)" : name
  }
}

extension Precision {
  /// The data type in which a model expects its parameters.
  ///
  /// The packed model expects float32: it converts the weights itself and computes modulation in
  /// float32.
  public func parameterType(in mode: ExecutionMode) -> DType {
    mode == .graph ? .float32 : linearFormat.dtype
  }

  /// Checks that a model as written computes in it.
  ///
  /// - Throws: `InferenceError` for 8 bits.
  func requireUnpacked() throws(InferenceError) {
    guard !isInt8, self != .fp8 else {
      throw InferenceError(.needsPacking, "precision \(name) needs a packed model")
    }
  }

  /// The format of the blocks' linear layers.
  var linearFormat: ActivationFormat {
    switch self {
    case .bf16: .bfloat16
    case .fp16: .float16
    case .int8, .int8WithFloatFC2: .int8
    case .fp8: .float8
    case .auto, .fp32: .float32
    }
  }

  /// The format of one of the blocks' linear layers.
  func format(of layer: BlockLayer) -> ActivationFormat {
    self == .int8WithFloatFC2 && layer.endsMLP ? .float32 : linearFormat
  }
}

extension Precision {
  /// The data type of matrix products in training; nil if training does not support it.
  public var trainingType: DType? {
    switch self {
    case .auto, .fp32: .float32
    case .bf16: .bfloat16
    case .fp16: .float16
    case .int8, .int8WithFloatFC2, .fp8: nil
    }
  }
}
