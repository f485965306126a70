public import Diffusion

/// The wish for some images of one class.
public struct ImageRequest: Sendable, Equatable {
  /// When previews are made.
  public enum Previews: Sendable, Equatable {
    /// After each step, while somebody listens; a listener that is slow misses some.
    case eachStep
    /// So many of each image, evenly over the steps and none after the last; none is missed.
    case count(Int)
  }

  /// The class.
  public var label: Int
  /// The number of images, 1 or more.
  public var count: Int
  /// The seed of the first image; each further one has the next seed.
  public var seed: UInt64
  /// The sampler, its options, and guidance.
  public var options: SamplingOptions
  /// When previews are made.
  public var previews: Previews

  /// A request.
  public init(
    label: Int, count: Int = 1, seed: UInt64 = 42, options: SamplingOptions = SamplingOptions(),
    previews: Previews = .eachStep
  ) {
    self.label = label
    self.count = count
    self.seed = seed
    self.options = options
    self.previews = previews
  }
}
