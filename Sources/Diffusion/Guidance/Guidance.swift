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

/// Classifier-free guidance (Ho & Salimans 2022, equation 6), or guidance by a weaker model in place of the
/// null class (autoguidance, Karras et al. 2024b, equation 2).
public struct Guidance: Sendable, Equatable {
  /// How far to go from the unconditional or weaker prediction; 1 is the conditional one. The family's
  /// scale unless it is set; 4 before the family is known.
  public var scale: Double {
    get { chosenScale ?? ModelFamily.dit.guidanceScale }
    set { chosenScale = newValue }
  }
  /// The scale that is set; nil for the family's.
  public private(set) var chosenScale: Double?
  /// Where it acts; nil for the channels of the model's family. Other channels and a learned variance are
  /// taken from the conditional prediction.
  public var channels: GuidedChannels?
  /// When it acts: the family's times unless they are set; all before the family is known. At other times
  /// the network runs without the null class.
  public var interval: GuidanceInterval {
    get { chosenInterval ?? .all }
    set { chosenInterval = newValue }
  }
  /// The times that are set; nil for the family's.
  public private(set) var chosenInterval: GuidanceInterval?

  /// Guidance; what is nil is as a family has it.
  public init(
    scale: Double? = nil, channels: GuidedChannels? = nil, interval: GuidanceInterval? = nil
  ) {
    chosenScale = scale
    self.channels = channels
    chosenInterval = interval
  }

  /// The same guidance, with what is not set taken from another one.
  func filled(from other: Guidance) -> Guidance {
    Guidance(
      scale: chosenScale ?? other.chosenScale, channels: channels ?? other.channels,
      interval: chosenInterval ?? other.chosenInterval)
  }

  /// The same guidance, with what is not set as is usual for a model, or as its family has it.
  func settled(for family: ModelFamily, _ usual: UsualGuidance? = nil) -> Guidance {
    Guidance(
      scale: chosenScale ?? usual?.scale ?? family.guidanceScale,
      channels: channels ?? family.guidedChannels,
      interval: chosenInterval ?? usual?.interval ?? family.guidanceInterval)
  }

  /// Whether the null class or the weaker model has to run too, at the times of the interval.
  public var isActive: Bool { scale > 1 }

  /// The classes of the network's rows: the images' own, then, if active, the null class for each.
  public func batchedLabels(_ labels: [Int], nullClass: Int) -> [Int] {
    isActive ? labels + Array(repeating: nullClass, count: labels.count) : labels
  }

  /// Adds guidance to a network, at all times.
  ///
  /// - Parameters:
  ///   - network: predicts for the rows of `batchedLabels(_:nullClass:)`; with a guide, for the images
  ///     alone.
  ///   - guide: predicts for the images, in place of the null class; nil for none.
  ///   - channelCount: C, of the latents.
  /// - Returns: a network over the images, one row each.
  public func guided(
    _ network: @escaping Network, by guide: Network? = nil, channelCount: Int
  ) -> Network {
    guard isActive else { return network }
    return { latents, time in
      if let guide {
        return combined(
          network(latents, time), guide(latents, time), channelCount: channelCount)
      }
      return combined(network(concatenated([latents, latents]), time), channelCount: channelCount)
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
    return combined(halves[0], halves[1], channelCount: channelCount)
  }

  /// Goes from a weak prediction to a strong one, and beyond.
  ///
  /// - Parameters:
  ///   - strong: the conditional prediction, `[N, K, H, W]`; channels without guidance are its own.
  ///   - weak: the null class's or the guide's, `[N, C, H, W]` or with more channels.
  ///   - channelCount: C, of the latents; C ≤ K.
  /// - Returns: `[N, K, H, W]`
  private func combined(_ strong: Tensor, _ weak: Tensor, channelCount: Int) -> Tensor {
    let guided: Int
    switch channels ?? .first(3) {
    case .first(let count): guided = min(count, channelCount)
    case .all: guided = channelCount
    }
    let from = weak.narrowed(axis: 1, start: 0, count: guided)
    let to = strong.narrowed(axis: 1, start: 0, count: guided)
    let rest = strong.narrowed(axis: 1, start: guided, count: strong.size(1) - guided)
    return concatenated([from + (to - from) * scale, rest], axis: 1)
  }
}
