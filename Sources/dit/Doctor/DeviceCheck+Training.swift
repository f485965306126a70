internal import Diffusion
internal import Layers
internal import Models
internal import Pipeline
internal import Torch
internal import Training

extension DeviceCheck {
  /// Compares the gradients of a batch, and the weights after three steps.
  func trainings(_ add: (Outcome) throws -> Void) throws {
    let reference = reference { try trained(.float32, .none, .cpu) }
    let runs: [(String, DType, Recompute, Double)] = [
      ("fp32", .float32, .none, 1e-4), ("fp32 with recomputation", .float32, .all, 1e-4),
      ("bf16", .bfloat16, .none, 5e-2), ("bf16 with recomputation", .bfloat16, .all, 5e-2),
    ]
    for (name, dtype, recompute, limit) in runs where hasBFloat16 || dtype == .float32 {
      let plain = Result { try onDevice { try trained(dtype, recompute, $0) } }
      let whole = Result { try onDevice { try trainedAtOnce(dtype, recompute, $0) } }
      try add(
        Outcome("gradients \(name)", limit: limit) {
          (error(try plain.get().gradients, try reference.get().gradients), nil)
        })
      for (kind, result) in [("", plain), (", whole", whole)] {
        // The first steps of AdamW follow the signs of gradients; those of small ones are rounding.
        try add(
          Outcome("three steps \(name)\(kind)", limit: dtype == .float32 ? 5e-2 : 0.5) {
            (error(try result.get().changes, try reference.get().changes), try result.get().note)
          })
        try add(
          Outcome("losses \(name)\(kind)", limit: limit / 2) {
            (error([try result.get().losses], [try reference.get().losses]), nil)
          })
      }
    }
  }

  private struct Trained {
    var gradients: [Tensor] = []
    let changes: [Tensor]
    let losses: Tensor
    var note: String?
  }

  /// A model before training, with the data and random numbers of each step.
  private struct Subject {
    let model: TrainingModel
    let optimizer: AdamW
    let config: TrainingConfig
    let start: [Tensor]
    let latents: Tensor
    let labels: Tensor
    let randomness: [StepRandomness]

    /// The changes of weights and averages.
    var changes: [Tensor] {
      zip(model.trained.map(\.tensor) + optimizer.ema, start + start).map {
        $0.detached.to(.cpu) - $1
      }
    }
  }

  private func subject(
    _ dtype: DType, _ recompute: Recompute, _ device: Device
  ) throws -> Subject {
    var config = TrainingConfig()
    if state.family.family.isFlow {
      config.objective = .flow(state.family.flow, weighting: .none)
    }
    config.dtype = dtype
    config.recompute = recompute
    config.weightDecay = 0.01
    config.emaDecay = 0.5
    let store = ParameterStore(
      .load(state.tensors.mapValues(\.cloned), dtype: .float32, device: device))
    let dit = DiT(state.config, at: store.root)
    let model = TrainingModel(dit, store, config: config, device: device)
    let latents = try latents(rows, seed: 4)
    let generator = try Generator(seed: 3)
    let randomness = (0..<3).map { _ in
      StepRandomness(
        shape: latents.shape, hasPosterior: false, config: config, generator: generator
      )
      .slice(0..<rows, on: device)
    }
    return Subject(
      model: model, optimizer: AdamW(model.trained, config: config.adamW), config: config,
      start: model.trained.map { $0.tensor.detached.to(.cpu).cloned },
      latents: latents.to(device),
      labels: Tensor((0..<rows).map { $0 % state.config.classCount }).sent(to: device),
      randomness: randomness)
  }

  private func trained(_ dtype: DType, _ recompute: Recompute, _ device: Device) throws -> Trained {
    let subject = try subject(dtype, recompute, device)
    let optimizer = subject.optimizer
    var first: [Tensor] = []
    var losses: [Double] = []
    for randomness in subject.randomness {
      let loss = try subject.model.loss(
        x0: subject.latents, labels: subject.labels, randomness: randomness)
      losses.append(loss.total.item)
      (loss.total * 2).backward()
      let gradients = optimizer.gradients()
      if first.isEmpty { first = gradients.map { $0.to(.cpu).cloned } }
      try optimizer.step(gradients, learningRate: 1e-4, lossScale: 2)
    }
    return Trained(gradients: first, changes: subject.changes, losses: Tensor(losses))
  }

  /// Trains by whole steps, which a GPU records.
  private func trainedAtOnce(
    _ dtype: DType, _ recompute: Recompute, _ device: Device
  ) throws -> Trained {
    let subject = try subject(dtype, recompute, device)
    let (latents, labels) = (subject.latents, subject.labels)
    let step = try RecordedStep(
      subject.model, subject.optimizer, config: subject.config, latents: latents, labels: labels,
      randomness: subject.randomness[0])
    let losses = try subject.randomness.enumerated().map { index, randomness in
      try step(
        latents: latents, labels: labels, randomness: randomness,
        step: AdamWStep(
          learningRate: 1e-4, number: Double(index + 1), lossScale: 2, clipping: 1, emaWeight: 0.5,
          skipUpdate: 0)
      )().loss
    }
    return Trained(changes: subject.changes, losses: Tensor(losses), note: step.recording.note)
  }
}
