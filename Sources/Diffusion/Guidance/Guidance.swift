public import Torch

/// The channels that classifier-free guidance acts on.
public enum GuidedChannels: Sendable, Equatable {
  /// The first few; 3 in the published code.
  case first(Int)
  /// All channels of the latents.
  case all
}

extension GuidedChannels: LosslessStringConvertible {
  /// Reads `all`, or a number of channels, 1 or more.
  public init?(_ text: String) {
    if text.lowercased() == "all" {
      self = .all
    } else if let count = Int(text), count > 0 {
      self = .first(count)
    } else {
      return nil
    }
  }

  /// `all`, or the number of channels.
  public var description: String {
    switch self {
    case .all: "all"
    case .first(let count): String(count)
    }
  }
}

/// Classifier-free guidance (Ho & Salimans 2022, equation 6).
public struct Guidance: Sendable, Equatable {
  /// How far to go from the unconditional prediction; 1 is the conditional one.
  public var scale: Double
  /// Where it acts. Other channels and a learned variance are taken from the conditional prediction.
  public var channels: GuidedChannels

  /// Guidance of a scale.
  public init(scale: Double, channels: GuidedChannels = .first(3)) {
    self.scale = scale
    self.channels = channels
  }

  /// Whether the network has to run with the null class too.
  public var isActive: Bool { scale > 1 }

  /// The classes of the network's rows: the images' own, then, if active, the null class for each.
  public func batchedLabels(_ labels: [Int], nullClass: Int) -> [Int] {
    isActive ? labels + Array(repeating: nullClass, count: labels.count) : labels
  }

  /// Adds guidance to a network.
  ///
  /// - Parameters:
  ///   - network: predicts for the rows of `batchedLabels(_:nullClass:)`.
  ///   - channelCount: C, of the latents.
  /// - Returns: a network over the images, one row each.
  public func guided(_ network: @escaping Network, channelCount: Int) -> Network {
    guard isActive else { return network }
    return { latents, time in
      combined(network(concatenated([latents, latents]), time), channelCount: channelCount)
    }
  }

  /// Combines the conditional and the unconditional prediction.
  ///
  /// - Parameters:
  ///   - output: `[2 N, K, H, W]`: conditional rows, then null rows.
  ///   - channelCount: C, of the latents; C ≤ K.
  /// - Returns: `[N, K, H, W]`
  public func combined(_ output: Tensor, channelCount: Int) -> Tensor {
    let halves = output.chunks(2, axis: 0)
    let (conditional, null) = (halves[0], halves[1])
    let guided: Int
    switch channels {
    case .first(let count): guided = min(count, channelCount)
    case .all: guided = channelCount
    }
    let from = null.narrowed(axis: 1, start: 0, count: guided)
    let to = conditional.narrowed(axis: 1, start: 0, count: guided)
    let rest = conditional.narrowed(axis: 1, start: guided, count: output.size(1) - guided)
    return concatenated([from + (to - from) * scale, rest], axis: 1)
  }
}
