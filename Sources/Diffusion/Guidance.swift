public import Torch

/// The channels that classifier-free guidance acts on.
public enum GuidedChannels: Sendable, Equatable {
  /// The first few, 3 in the published code.
  case first(Int)
  /// All that predict noise.
  case all
}

/// Classifier-free guidance (Ho & Salimans 2022, equation 6).
public struct Guidance: Sendable, Equatable {
  /// How far to go from the unconditional prediction; 1 is the conditional one.
  public var scale: Double
  /// Where it acts; the other channels and the variance are the conditional row's.
  public var channels: GuidedChannels

  /// Guidance of a scale.
  public init(scale: Double, channels: GuidedChannels = .first(3)) {
    self.scale = scale
    self.channels = channels
  }

  /// Whether the network has to run on null rows too.
  public var isActive: Bool { scale > 1 }

  /// The classes of the network's rows: those of the images, then as many null rows if it is active.
  public func rows(for labels: [Int], nullClass: Int) -> [Int] {
    isActive ? labels + Array(repeating: nullClass, count: labels.count) : labels
  }

  /// The denoiser that a network over the rows of `rows(for:nullClass:)` makes.
  ///
  /// - Parameters:
  ///   - noiseChannelCount: C, the channels that predict noise.
  ///   - network: predicts for all rows.
  /// - Returns: predicts for the images, guidance included.
  public func denoiser(
    noiseChannelCount: Int, over network: @escaping Denoiser
  ) -> Denoiser {
    guard isActive else { return network }
    return { latents, timestep in
      combined(
        network(concatenated([latents, latents]), timestep), noiseChannelCount: noiseChannelCount)
    }
  }

  /// Combines the predictions for conditional and null rows.
  ///
  /// - Parameters:
  ///   - output: `[2 N, K, H, W]`: conditional rows, then null rows.
  ///   - noiseChannelCount: C, the channels that predict noise.
  /// - Returns: `[N, K, H, W]`
  public func combined(_ output: Tensor, noiseChannelCount: Int) -> Tensor {
    let rows = output.chunks(2, axis: 0)
    let (conditional, null) = (rows[0], rows[1])
    let guided: Int
    switch channels {
    case .first(let count): guided = min(count, noiseChannelCount)
    case .all: guided = noiseChannelCount
    }
    let from = null.narrowed(axis: 1, start: 0, count: guided)
    let to = conditional.narrowed(axis: 1, start: 0, count: guided)
    let rest = conditional.narrowed(axis: 1, start: guided, count: output.size(1) - guided)
    return concatenated([from + (to - from) * scale, rest], axis: 1)
  }
}
