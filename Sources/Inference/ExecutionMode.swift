public import Layers
public import Models
public import Torch

/// How a model is run.
public enum ExecutionMode: String, CaseIterable, Sendable {
  /// Compiled into a plan for the batch shape.
  case graph
  /// As written: the reference.
  case eager
}

/// Makes the runner of a mode.
///
/// - Parameters:
///   - mode: how to run.
///   - config: the shape of the model.
///   - precision: the number format, settled: not `auto`.
///   - device: where the parameters lie.
///   - parameters: a fresh store over the model's parameters in the precision's type, asked for with
///     each part.
///   - partDone: called after each part; what it was made from is not needed any more.
/// - Returns: the runner.
/// - Throws: `InferenceError` for int8 and fp8, if weights are not finite or the hardware cannot.
public func makeRunner(
  _ mode: ExecutionMode, _ config: DiTConfig, precision: Precision, device: Device,
  parameters: () -> ParameterStore, partDone: () -> Void = {}
) throws(InferenceError) -> any DiTRunner {
  switch mode {
  case .eager:
    EagerDiT(
      DiT(config, at: parameters().root), dtype: precision.parameterType(in: mode),
      device: device)
  case .graph:
    try CompiledDiT(
      config, precision: precision, device: device, parameters: parameters, partDone: partDone)
  }
}
