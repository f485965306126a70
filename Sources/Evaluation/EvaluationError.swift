public import Models

/// Images, features or reference statistics that cannot be compared.
public struct EvaluationError: Error, CustomStringConvertible, Equatable, Sendable {
  /// The cause.
  public enum Reason: Sendable, Equatable {
    /// The file's tensors are not those of a known feature network.
    case unknownFeatures
    /// The tensors of a feature network do not fit it.
    case model(ModelError.Reason)
    /// Statistics of other features, or of another number of them.
    case otherFeatures
    /// The reference lacks what a metric needs.
    case incompleteReference
    /// The reference's statistics are not what their names say.
    case invalidReference
    /// The file has no images, or not as the evaluation suite writes them.
    case noImages
    /// A job that makes the images has begun and not ended.
    case incompleteSamples
    /// Too few images for the metric.
    case tooFewImages
    /// No classes to tell apart: a judge needs two at least.
    case noClasses
    /// Images of several sizes, or of another size than the reference's.
    case otherSize
    /// The reference is a file of statistics, and its statistics are to be saved.
    case savedReference
    /// A figure is not finite.
    case nonFinite
    /// The network does not give what the metric needs.
    case unsuitedMetric
    /// More than 1 % of the images cannot be read, or give features that are not finite.
    case tooManyLeftOut
  }

  /// The cause.
  public let reason: Reason
  /// What is wrong, and where.
  public let message: String

  /// Makes an error.
  public init(_ reason: Reason, _ message: String) {
    self.reason = reason
    self.message = message
  }

  /// The message.
  public var description: String { message }
}
