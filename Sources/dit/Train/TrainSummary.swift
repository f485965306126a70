internal import Layers
internal import Models
internal import Torch
internal import Training

/// What `dit train` says of a run before its first step.
struct TrainSummary {
  private let session: TrainingSession
  private let memory: TrainingMemory
  private let choosesWarmup: Bool

  /// A summary.
  ///
  /// - Parameters:
  ///   - session: before its first step.
  ///   - choosesWarmup: whether the session decides if the moving average warms up.
  init(_ session: TrainingSession, choosesWarmup: Bool) {
    self.session = session
    self.choosesWarmup = choosesWarmup
    let trainer = session.trainer
    memory = TrainingMemory(
      trainer.model.dit.config, session.recipe,
      trainedCount: trainer.optimizer.parameters.reduce(0) { $0 + $1.count },
      rankCount: trainer.parallel.count)
  }

  /// The model, its cost and memory; then data, steps and device.
  var lines: [String] {
    let (trainer, recipe, dataset) = (session.trainer, session.recipe, session.dataset)
    let model = trainer.model.dit.config
    // Backward costs twice the forward pass; a multiply-add is two operations.
    let operations = 6 * model.multiplyAddCount * Double(trainer.globalBatchSize)
    let classes = TrainSummary.classes(dataset.classCount, isNamed: dataset.hasClassNames)
    return [
      "\(name(of: model)):"
        + " \(Amount.rounded(trainer.model.store.elementCount)) parameters,"
        + " \(Amount.operations(operations)) a step;"
        + " about \(Amount.bytes(memory.stateByteCount)) for weights, gradients and optimizer, and"
        + " \(Amount.bytes(activationByteCount)) for \(Amount.of(recipe.batchSize, "image")) at a"
        + " time",
      "\(Amount.of(dataset.imageCount, "image")), \(classes)"
        + (dataset.hasClassNames ? "" : " of \(model.classCount) classes")
        + ", \(trainer.globalBatchSize) a step, \(Amount.of(trainer.stepCount, "step")),"
        + " \(recipe.dtype) on \(session.device)",
    ] + averageLines
  }

  private func name(of model: DiTConfig) -> String {
    guard let preset = model.preset else { return model.summary }
    return preset.rawValue + (model.block == .dit ? "" : " with blocks of \(model.block)")
  }

  /// That the moving average of a short run warms up.
  private var averageLines: [String] {
    guard choosesWarmup, session.recipe.emaWarmsUp == true, let decay = session.recipe.emaDecay
    else { return [] }
    return [
      "the EMA, which samples come from, warms up, as the run is short for a decay of \(decay)"
        + " (--ema-warmup false: no warm-up, as published)"
    ]
  }

  /// The number of classes, or the numbers of classes without names.
  static func classes(_ count: Int, isNamed: Bool) -> String {
    isNamed ? Amount.of(count, "class") : "class numbers up to \(count - 1)"
  }

  /// Warnings about a run of this size: too little memory, or too few images.
  ///
  /// - Parameter processCount: processes on this machine.
  /// - Returns: the warnings.
  func warnings(processCount: Int) -> [String] {
    let shortage = MemoryWarning(session.device, available: session.availableMemory)?.line(
      for: memory.stateByteCount + activationByteCount, processCount: processCount,
      remedy: "--use-recompute, or a smaller --train-batch-size with"
        + " --gradient-accumulation-steps,")
    var lines = shortage.map { [$0] } ?? []
    let batchSize = session.trainer.globalBatchSize
    if batchSize > session.dataset.imageCount {
      lines.append(
        "Warning: a step takes \(Amount.of(batchSize, "image")), more than there are; images come"
          + " several times in it")
    }
    return lines
  }

  private var activationByteCount: Int {
    session.recipe.batchSize * memory.byteCountPerImage(session.recipe.recompute)
  }
}
