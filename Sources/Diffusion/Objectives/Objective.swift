public import Torch

// N batch, C channels, H W image; t: times, [N].

/// What training minimizes.
public protocol Objective {
  /// The loss of one batch.
  ///
  /// - Parameters:
  ///   - x0: clean latents, `[N, C, H, W]`
  ///   - noise: standard normal, `[N, C, H, W]`
  ///   - t: the time of each row.
  ///   - network: predicts for the noised latents at those times; C or 2 C channels.
  /// - Returns: the loss and its parts.
  /// - Throws: what `network` throws.
  func loss(
    x0: Tensor, noise: Tensor, t: Tensor, network: (_ xt: Tensor, _ t: Tensor) throws -> Tensor
  ) rethrows -> TrainingLoss
}

/// The loss of one batch.
public struct TrainingLoss {
  /// The mean squared error of each row, `[N]`.
  public let squaredError: Tensor
  /// The variational bound of each row in bits, `[N]`; nil for a fixed variance.
  public let variationalBound: Tensor?
  /// What is minimized: the mean over rows of their weighted sum, a scalar.
  public let total: Tensor
}
