internal import Evaluation
internal import Models

extension TrainingSession {
  /// Makes what evaluations need, if there are any and it is not made yet. All ranks call it together.
  ///
  /// - Parameter shouldStop: asked now and then on rank 0.
  /// - Returns: false if `shouldStop` has ended it; features of finished batches are kept.
  /// - Throws: what `RunEvaluation` throws.
  func prepareEvaluation(shouldStop: () -> Bool) throws -> Bool {
    guard evaluation == nil else { return true }
    do {
      evaluation = try openEvaluation(shouldStop)
      return true
    } catch is RunEvaluation.Stopped {
      return false
    }
  }

  /// Writes the figures of fresh samples, if they are due. All ranks call it together.
  ///
  /// - Parameter shouldStop: asked between steps of the sampler.
  /// - Returns: false if `shouldStop` has ended it.
  /// - Throws: `TorchError`, `FileError`; `LaunchError` if a rank is lost.
  func evaluate(shouldStop: () -> Bool) throws -> Bool {
    let step = trainer.step
    guard let evaluation,
      try evaluation.isDue(
        at: step, isLast: step == trainer.stepCount, trainer.parallel, note: log.note)
    else {
      return true
    }
    let model = trainer.model
    let sampler = TrainedSampler(
      model.dit.config, try trainer.emaWeights(), of: model.process, codec: codec, device: device)
    do {
      let figures = try evaluation.figures(sampler, step: step, trainer.parallel, note: log.note) {
        // Several ranks learn of a signal in the next step: all of them draw to the end.
        if trainer.parallel.count == 1, shouldStop() { throw RunEvaluation.Stopped() }
      }
      guard let figures else { return true }
      try log.write(figures, step: step, share: evaluation.shareSpent)
      return true
    } catch is RunEvaluation.Stopped {
      return false
    }
  }
}
