public import Diffusion
public import Layers
public import Models
public import Torch

// N batch, C channels, h w latents.

/// A DiT with what its loss needs.
public struct TrainingModel {
  /// The model; its parameters are those of `store`.
  public let dit: DiT
  /// The parameters by name.
  public let store: ParameterStore
  private let objective: any Objective
  private let config: TrainingConfig
  private let device: Device

  /// Makes the parameters trainable, but for positions and what is frozen.
  public init(_ dit: DiT, _ store: ParameterStore, config: TrainingConfig, device: Device) {
    self.dit = dit
    self.store = store
    self.config = config
    self.device = device
    objective = HybridObjective(
      learnsVariance: dit.config.learnsVariance, weighting: config.weighting, device: device)
    for (_, tensor) in trained { tensor.requiresGradient = true }
  }

  /// The trained parameters in the order of the model.
  public var trained: [(name: String, tensor: Tensor)] {
    store.names.compactMap { name in
      TrainingModel.trains(name, except: config.frozen) ? store[name].map { (name, $0) } : nil
    }
  }

  /// Whether a parameter is trained.
  ///
  /// - Parameters:
  ///   - name: the parameter's.
  ///   - frozen: parts of the names of those that are not.
  /// - Returns: false for positions too, which are computed.
  public static func trains(_ name: String, except frozen: [String]) -> Bool {
    name != "pos_embed" && !frozen.contains(where: name.contains)
  }

  /// The loss of some rows.
  ///
  /// - Parameters:
  ///   - x0: clean latents, `[N, C, h, w]`
  ///   - labels: classes, `[N]`, int64
  ///   - draws: the random numbers of these rows.
  /// - Returns: the loss and its parts.
  /// - Throws: `TorchError` if the device cannot compute in the type asked for.
  public func loss(x0: Tensor, labels: Tensor, draws: StepRandomness) throws -> TrainingLoss {
    let null = Tensor.full([1], Double(dit.config.classCount), dtype: .int64, device: device)
    let y = draws.labelDropMask.select(null, else: labels)
    return try objective.loss(x0: x0, noise: draws.noise, t: draws.timesteps) { xt, t in
      try withMixedPrecision(config.dtype, on: device) {
        dit(xt, t: t, y: y) { index, x, c, block in
          config.recompute.covers(index) ? recomputing(x, c, block) : block(x, c)
        }
      }.to(.float32)
    }
  }
}
