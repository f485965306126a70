internal import Evaluation
internal import Models

extension TrainingSession {
  private struct Stopped: Error {}

  /// Writes the figures of fresh samples, if they are due. All ranks call it together.
  ///
  /// - Parameter shouldStop: asked between steps of the sampler.
  /// - Returns: false if `shouldStop` has ended it.
  /// - Throws: `EvaluationError`, `TorchError`, `FileError`; `LaunchError` if a rank is lost.
  func evaluate(shouldStop: () -> Bool) throws -> Bool {
    guard let evaluation, try evaluation.isDue(at: trainer.step, trainer.parallel) else {
      return true
    }
    let model = trainer.model
    let sampler = TrainedSampler(
      model.dit.config, try trainer.emaWeights(), of: model.process, codec: codec, device: device)
    do {
      let figures = try evaluation.figures(
        sampler, step: trainer.step, trainer.parallel
      ) {
        // Several ranks learn of a signal in the next step: all of them draw to the end.
        if trainer.parallel.count == 1, shouldStop() { throw Stopped() }
      }
      guard let figures else { return true }
      try log.write(figures, step: trainer.step, share: evaluation.shareSpent)
      return true
    } catch is Stopped {
      return false
    }
  }
}
