public import Diffusion
public import Layers
public import Models
public import Torch

// N batch, C channels, h w latents.

/// A DiT and its loss.
public struct TrainingModel {
  /// The model, with parameters in `store`.
  public let dit: DiT
  /// The parameters by name.
  public let store: ParameterStore
  private let objective: any Objective
  private let config: TrainingConfig
  private let device: Device

  /// Makes the parameters trainable, except positions and frozen ones.
  public init(_ dit: DiT, _ store: ParameterStore, config: TrainingConfig, device: Device) {
    self.dit = dit
    self.store = store
    self.config = config
    self.device = device
    objective = config.objective.objective(
      learnsVariance: dit.config.learnsVariance, device: device)
    for (_, tensor) in trained { tensor.requiresGradient = true }
  }

  /// How the model is trained.
  public var process: DiffusionProcess {
    config.objective.process(learnsVariance: dit.config.learnsVariance)
  }

  /// The trained parameters, in the order of the model.
  public var trained: [(name: String, tensor: Tensor)] {
    store.names.compactMap { name in
      TrainingModel.trains(name, except: config.frozen) ? store[name].map { (name, $0) } : nil
    }
  }

  /// Whether a parameter is trained.
  ///
  /// - Parameters:
  ///   - name: of the parameter.
  ///   - frozen: parts of the names of frozen parameters.
  /// - Returns: false also for positions, which are computed.
  public static func trains(_ name: String, except frozen: [String]) -> Bool {
    name != "pos_embed" && !frozen.contains(where: name.contains)
  }

  /// The loss of a batch.
  ///
  /// - Parameters:
  ///   - x0: clean latents, `[N, C, h, w]`
  ///   - labels: classes, `[N]`, int64
  ///   - randomness: the random numbers of these rows.
  /// - Returns: the loss and its parts.
  /// - Throws: `TorchError` if the device cannot compute in the type asked for.
  public func loss(x0: Tensor, labels: Tensor, randomness: StepRandomness) throws -> TrainingLoss {
    let nullClass = dit.config.classCount
    func predicted(_ x: Tensor, _ t: Tensor, _ y: Tensor, span: Tensor? = nil) throws -> Tensor {
      try withMixedPrecision(config.dtype, on: device) {
        dit(x, t: t, y: y, span: span) { index, x, c, block in
          config.recompute.covers(index) ? recomputing(x, c, block) : block(x, c)
        }
      }.to(.float32)
    }
    if case .meanFlow(let settings) = config.objective {
      return try MeanFlowObjective(settings).loss(
        x0: x0, noise: randomness.noise, times: randomness.times,
        spans: randomness.spans ?? randomness.times * 0, labels: labels,
        isDropped: randomness.labelDropMask, nullClass: nullClass
      ) { try predicted($0, $1, $3, span: $2) }
    }
    let null = Tensor.full([1], Double(nullClass), dtype: .int64, device: device)
    let y = randomness.labelDropMask.select(null, else: labels)
    return try objective.loss(x0: x0, noise: randomness.noise, t: randomness.times) { xt, t in
      try predicted(xt, t, y)
    }
  }
}
