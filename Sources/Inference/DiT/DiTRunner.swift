public import Layers
public import Models
public import Torch

/// A DiT with the labels of one batch: predicts noise, and variance if it is learned, for latents
/// `[N, C, H, W]` at a time, which may be fractional. N is the number of labels, or less for the first
/// rows alone.
public typealias ConditionedDiT = (_ latents: Tensor, _ time: Double) -> Tensor

/// A DiT of average velocities with the labels of one batch: predicts the average from a time to another for
/// latents `[N, C, H, W]`.
public typealias AverageDiT = (_ latents: Tensor, _ start: Double, _ end: Double) -> Tensor

/// A DiT that can predict, packed or as written.
public protocol DiTRunner {
  /// Sets the labels and the known times of a batch.
  ///
  /// - Parameters:
  ///   - labels: the class of each batch element, the null class included.
  ///   - times: the times known beforehand, in the order of their first use. Other times work too, each
  ///     at the cost of one pass over the modulation weights.
  ///   - cache: what is used again. The network then has to be called once for each step, in order.
  /// - Returns: the network for that batch.
  func bind(labels: [Int], times: [Double], cache: FeatureCache) -> ConditionedDiT

  /// Sets the labels of a batch, for a model of average velocities.
  ///
  /// - Parameter labels: the class of each batch element.
  /// - Returns: the network for that batch.
  func bindAverage(labels: [Int]) -> AverageDiT
}

extension DiTRunner {
  /// Sets the labels and the known times of a batch, without a cache.
  public func bind(labels: [Int], times: [Double]) -> ConditionedDiT {
    bind(labels: labels, times: times, cache: .off)
  }
}

/// Makes the DiT of a mode.
///
/// - Parameters:
///   - mode: packed, or as written.
///   - config: the shape of the model.
///   - precision: the number format; not `auto`.
///   - device: the device of the parameters.
///   - parameters: returns a new store over the model's parameters, in the precision's `parameterType`
///     of the mode; called for each part.
///   - partDone: called after each part, when its unpacked weights are no longer needed.
/// - Returns: the runner.
/// - Throws: `InferenceError` for int8 and fp8, if weights are not finite, or hardware or mode do not
///   support the format.
public func makeRunner(
  _ mode: ExecutionMode, _ config: DiTConfig, precision: Precision, device: Device,
  parameters: () -> ParameterStore, partDone: () -> Void = {}
) throws(InferenceError) -> any DiTRunner {
  switch mode {
  case .eager:
    try precision.requireUnpacked()
    return EagerDiT(
      DiT(config, at: parameters().root), dtype: precision.parameterType(in: mode),
      device: device)
  case .graph:
    return try PackedDiT(
      config, precision: precision, device: device, parameters: parameters, partDone: partDone)
  }
}
