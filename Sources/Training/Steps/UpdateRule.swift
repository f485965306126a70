internal import Torch

/// What an update does with the gradients: clips their norm, or skips a step that is not finite.
///
/// It works on tensors, so that a recorded step can decide without reading a number. Steps in parts
/// read the numbers of float64 scalars.
struct UpdateRule {
  /// The largest gradient norm; nil for no clipping.
  let maximumNorm: Double?
  /// Whether gradients that are not finite skip the step; a loss that is not finite always does.
  let skipsOverflow: Bool

  /// The rule of a recipe.
  init(_ config: TrainingConfig) {
    maximumNorm = config.maximumGradientNorm
    skipsOverflow = config.skipsOverflow
  }

  /// What to do with the gradients of a step, as scalars of one type on one device.
  struct Decision {
    /// The gradient's norm before clipping.
    let norm: Tensor
    /// The factor of the gradients, 1 at most; nil without clipping.
    let clipping: Tensor?
    /// 1 for a step that must change nothing, else 0.
    let skipUpdate: Tensor
  }

  /// Decides about the gradients of a step.
  ///
  /// - Parameters:
  ///   - scaledNorm: the norm of the gradients of the scaled loss.
  ///   - loss: the mean loss over the rows.
  ///   - lossScale: the factor of the loss.
  ///   - skipUpdate: 1 to change nothing in any case; nil for 0.
  /// - Returns: the decision.
  func callAsFunction(
    scaledNorm: Tensor, loss: Tensor, lossScale: Tensor, skipUpdate: Tensor? = nil
  ) -> Decision {
    let norm = scaledNorm / lossScale
    var isFinite = loss.isFinite.to(norm.dtype)
    if skipsOverflow { isFinite = isFinite * norm.isFinite.to(norm.dtype) }
    let isSkipped = -isFinite + 1
    return Decision(
      norm: norm, clipping: clipping(norm),
      skipUpdate: skipUpdate.map(isSkipped.maximum) ?? isSkipped)
  }

  /// min(1, maximum / (norm + 1e-6)), and 1 for a norm that is no number.
  private func clipping(_ norm: Tensor) -> Tensor? {
    guard let maximumNorm else { return nil }
    func scalar(_ value: Double) -> Tensor {
      .full([], value, dtype: norm.dtype, device: norm.device)
    }
    let factor = (scalar(maximumNorm) / (norm + 1e-6)).clamped(max: 1)
    return factor.isFinite.select(factor, else: scalar(1))
  }
}
