/// What an evaluation found.
public struct EvaluationResult: Sendable {
  /// The figures.
  public let figures: Figures
  /// Samples that take no part.
  public let leftOut: [LeftOutImage]
  /// Images of the reference that take no part.
  public let referenceLeftOut: [LeftOutImage]
  /// How the samples' classes are distributed; nil if that is not known.
  public let labels: LabelBalance?
  /// The share of samples that the judge takes for the class asked for; nil without a judge or classes.
  public var agreement: Double?
}
