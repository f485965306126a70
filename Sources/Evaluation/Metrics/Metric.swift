/// A figure of merit of a set of images.
public enum Metric: String, CaseIterable, Sendable, Codable {
  /// The Fréchet distance of pooled features: FID over Inception's.
  case fid
  /// The Fréchet distance of features with their places.
  case sfid
  /// The Inception Score.
  case inceptionScore = "is"
  /// The share of samples inside the reference's manifold.
  case precision
  /// The share of reference images inside the samples' manifold.
  case recall
  /// The kernel distance.
  case kid

  /// What of a set of images a metric looks at.
  public struct Need: OptionSet, Sendable {
    /// The bits.
    public let rawValue: Int

    /// Makes a set of its bits.
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// The pooled features of every image.
    public static let pooled = Need(rawValue: 1)
    /// Mean and covariance of pooled features.
    public static let moments = Need(rawValue: 2)
    /// Mean and covariance of features with their places.
    public static let spatialMoments = Need(rawValue: 4)
    /// Scores of classes.
    public static let logits = Need(rawValue: 8)
  }

  /// What it needs of the samples.
  public var sampleNeed: Need {
    switch self {
    case .fid: .moments
    case .sfid: .spatialMoments
    case .inceptionScore: .logits
    case .precision, .recall, .kid: .pooled
    }
  }

  /// What it needs of the reference.
  public var referenceNeed: Need { self == .inceptionScore ? [] : sampleNeed }

  /// What some metrics need of a set of samples, also to tell how biased they are.
  public static func sampleNeed(of metrics: [Metric], count: Int) -> Need {
    let bias: Need = metrics.contains(.fid) && count < FigureNote.usualCount ? .pooled : []
    return metrics.reduce(bias) { $0.union($1.sampleNeed) }
  }

  /// What some metrics need of a reference.
  public static func referenceNeed(of metrics: [Metric]) -> Need {
    metrics.reduce([]) { $0.union($1.referenceNeed) }
  }

  /// The metrics that a judge has features for.
  static var availableOfJudge: [Metric] { allCases.filter { $0 != .sfid } }

  /// The metrics that a network has features for.
  public static func available(for network: any FeatureNetwork) -> [Metric] {
    allCases.filter {
      switch $0 {
      case .sfid: network.spatialCount != nil
      case .inceptionScore: network.classCount != nil
      case .fid, .precision, .recall, .kid: true
      }
    }
  }
}
