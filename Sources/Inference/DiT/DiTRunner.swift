public import Layers
public import Models
public import Torch

/// A DiT ready for one batch: predicts noise (and variance) for latents `[N, C, H, W]` at a timestep.
public typealias ConditionedDiT = (_ latents: Tensor, _ timestep: Int) -> Tensor

/// Something that runs a DiT.
public protocol DiTRunner {
  /// Gets ready for a batch of given classes and for the timesteps to come.
  ///
  /// - Parameters:
  ///   - labels: the class of each batch element, the null class included.
  ///   - timesteps: all that will be asked for.
  /// - Returns: the network for that batch.
  func bind(labels: [Int], timesteps: [Int]) -> ConditionedDiT
}

/// Makes the runner of a mode.
///
/// - Parameters:
///   - mode: how to run.
///   - config: the shape of the model.
///   - precision: the number format, settled: not `auto`.
///   - device: where the parameters lie.
///   - parameters: a fresh store over the model's parameters in the precision's `parameterType` of the
///     mode, asked for with each part.
///   - partDone: called after each part; what it was made from is not needed any more.
/// - Returns: the runner.
/// - Throws: `InferenceError` for int8 and fp8, if weights are not finite, or the hardware or the mode
///   cannot.
public func makeRunner(
  _ mode: ExecutionMode, _ config: DiTConfig, precision: Precision, device: Device,
  parameters: () -> ParameterStore, partDone: () -> Void = {}
) throws(InferenceError) -> any DiTRunner {
  switch mode {
  case .eager:
    guard !precision.isInt8, precision != .fp8 else {
      throw InferenceError("precision \(precision.name) is for mode graph")
    }
    return EagerDiT(
      DiT(config, at: parameters().root), dtype: precision.parameterType(in: mode),
      device: device)
  case .graph:
    return try PackedDiT(
      config, precision: precision, device: device, parameters: parameters, partDone: partDone)
  }
}
