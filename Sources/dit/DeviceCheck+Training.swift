internal import Diffusion
internal import Layers
internal import Models
internal import Pipeline
internal import Torch
internal import Training

extension DeviceCheck {
  /// Gradients of a batch, and what three steps make of the weights.
  func trainings() throws -> [Outcome] {
    let reference = try trained(.float32, .none, .cpu)
    let runs: [(String, DType, Recompute, Double)] = [
      ("fp32", .float32, .none, 1e-4), ("fp32 with recomputation", .float32, .all, 1e-4),
      ("bf16", .bfloat16, .none, 5e-2), ("bf16 with recomputation", .bfloat16, .all, 5e-2),
    ]
    let possible = runs.filter { hasBFloat16 || $0.1 == .float32 }
    return try possible.flatMap { name, dtype, recompute, limit in
      let result = try onDevice { try trained(dtype, recompute, $0) }
      return [
        Outcome(
          "gradients \(name)", error: error(result.gradients, reference.gradients), limit: limit),
        // The first steps of AdamW are signs of gradients, whose small ones are mostly rounding.
        Outcome(
          "three steps \(name)", error: error(result.changes, reference.changes),
          limit: dtype == .float32 ? 5e-2 : 0.5),
        Outcome(
          "losses \(name)", error: error([result.losses], [reference.losses]), limit: limit / 2),
      ]
    }
  }

  private struct Result {
    let gradients: [Tensor]
    let changes: [Tensor]
    let losses: Tensor
  }

  private func trained(_ dtype: DType, _ recompute: Recompute, _ device: Device) throws -> Result {
    var config = TrainingConfig()
    config.dtype = dtype
    config.recompute = recompute
    config.weightDecay = 0.01
    config.averageDecay = 0.5
    let store = ParameterStore(
      .load(state.tensors.mapValues(\.cloned), dtype: .float32, device: device))
    let dit = DiT(state.config, at: store.root)
    let model = TrainingModel(dit, store, config: config, device: device)
    let start = model.trained.map { $0.tensor.detached.to(.cpu).cloned }
    let optimizer = AdamW(model.trained, config: config)
    let draws = try Generator(seed: 3)
    let classes = Tensor((0..<rows).map { $0 % state.config.classCount })
    var first: [Tensor] = []
    var losses: [Double] = []
    for _ in 0..<3 {
      let numbers = StepDraws(
        shape: try latents(rows, seed: 4).shape, hasPosterior: false, config: config,
        generator: draws)
      let loss = try model.loss(
        start: try latents(rows, seed: 4).to(device), labels: classes.sent(to: device),
        draws: numbers.slice(0..<rows, on: device))
      losses.append(loss.total.item)
      loss.total.backward()
      let gradients = optimizer.gradients()
      if first.isEmpty { first = gradients.map { $0.to(.cpu).cloned } }
      try optimizer.step(gradients, learningRate: 1e-4, gradientScale: 0.5)
    }
    let changes = zip(model.trained.map(\.tensor) + optimizer.averages, start + start).map {
      $0.detached.to(.cpu) - $1
    }
    return Result(gradients: first, changes: changes, losses: Tensor(losses))
  }
}
