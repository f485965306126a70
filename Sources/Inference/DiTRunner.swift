public import Torch

/// A DiT ready for one batch: predicts noise (and variance) for latents `[N, C, H, W]` at a timestep.
public typealias PreparedDiT = (_ latents: Tensor, _ timestep: Int) -> Tensor

/// Something that runs a DiT.
public protocol DiTRunner {
  /// Gets ready for a batch of rows of given classes and for the timesteps to come.
  ///
  /// - Parameters:
  ///   - labels: the class of each row, the null class included.
  ///   - timesteps: all that will be asked for.
  /// - Returns: the network for that batch.
  func prepared(labels: [Int], timesteps: [Int]) -> PreparedDiT
}
