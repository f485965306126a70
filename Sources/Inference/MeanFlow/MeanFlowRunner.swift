public import Layers
public import Models
public import Torch

/// The guidance of one batch, which the network of improved MeanFlow takes as an input.
public struct MeanFlowGuidance: Sendable, Equatable {
  /// ω, 1 for none.
  public var scale: Double
  /// The end of the interval next to the data, 0 ... 1.
  public var low: Double
  /// The end next to the noise, 0 ... 1.
  public var high: Double

  /// Guidance of a scale within an interval of times.
  public init(scale: Double, low: Double, high: Double) {
    self.scale = scale
    self.low = low
    self.high = high
  }
}

/// A network of improved MeanFlow with the labels and the guidance of one batch: predicts the average
/// velocity of latents `[N, C, H, W]` over a span of time.
public typealias ConditionedMeanFlow = (_ latents: Tensor, _ span: Double) -> Tensor

/// A network of improved MeanFlow that can predict, packed or as written.
public protocol MeanFlowRunner {
  /// Sets the labels and the guidance of a batch.
  ///
  /// - Parameters:
  ///   - labels: the class of each image, the null class included.
  ///   - guidance: the same for all.
  /// - Returns: the network for that batch.
  func bind(labels: [Int], guidance: MeanFlowGuidance) -> ConditionedMeanFlow
}

/// Makes the network of a mode.
///
/// - Parameters:
///   - mode: packed, or as written.
///   - config: the shape of the network.
///   - precision: the number format; not `auto`.
///   - device: the device of the parameters.
///   - parameters: returns a new store over the network's parameters, in the precision's
///     `parameterType` of the mode; called for each part.
///   - partDone: called after each part, when its unpacked weights are no longer needed.
/// - Returns: the runner.
/// - Throws: `InferenceError` for int8 and fp8, if weights are not finite, or hardware or mode do not
///   support the format.
public func makeRunner(
  _ mode: ExecutionMode, _ config: MeanFlowConfig, precision: Precision, device: Device,
  parameters: () -> ParameterStore, partDone: () -> Void = {}
) throws(InferenceError) -> any MeanFlowRunner {
  switch mode {
  case .eager:
    try precision.requireUnpacked()
    return EagerMeanFlow(
      MeanFlow(config, at: parameters().root), dtype: precision.parameterType(in: mode),
      device: device)
  case .graph:
    return try PackedMeanFlow(
      config, precision: precision, device: device, parameters: parameters, partDone: partDone)
  }
}

/// The network as written: the reference for the packed one.
public struct EagerMeanFlow: MeanFlowRunner {
  let model: MeanFlow
  let dtype: DType
  let device: Device

  /// - Parameters:
  ///   - model: its parameters must have this type, on this device.
  ///   - dtype: the data type of the computation.
  ///   - device: the device of the parameters.
  public init(_ model: MeanFlow, dtype: DType, device: Device) {
    self.model = model
    self.dtype = dtype
    self.device = device
  }

  /// Sets the labels and the guidance of a batch.
  public func bind(labels: [Int], guidance: MeanFlowGuidance) -> ConditionedMeanFlow {
    let labels = Tensor(labels).to(device)
    let (model, dtype) = (model, dtype)
    return { latents, span in
      model(latents.to(dtype), guidance.conditions(span: span, labels: labels)).to(.float32)
    }
  }
}

extension MeanFlowGuidance {
  /// The conditions of images.
  ///
  /// - Parameters:
  ///   - span: t - r, the same for all.
  ///   - labels: `[N]`, int64.
  /// - Returns: conditions for N images.
  func conditions(span: Double, labels: Tensor) -> MeanFlowConditions {
    func all(_ value: Double) -> Tensor { .full(labels.shape, value, device: labels.device) }
    return MeanFlowConditions(
      span: all(span), guidanceScale: all(scale), low: all(low), high: all(high), labels: labels)
  }
}
