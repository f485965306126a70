/// What a reader of figures should know of them.
public enum FigureNote: Sendable, Equatable, CustomStringConvertible {
  /// A side of a comparison.
  public enum Side: String, Sendable {
    /// The images to judge.
    case samples
    /// The images they are compared with.
    case reference
  }

  /// A side has fewer images than papers use.
  case fewImages(Side, count: Int)
  /// A Fréchet distance would be lower by about this much with very many samples.
  case bias(Metric, Double)
  /// The reference's file does not say over how many images its statistics are.
  case unknownReferenceCount
  /// Images whose features are infinite or NaN, which were left out.
  case nonFinite(Side, images: [Int])
  /// The kernel distance is over whole sets, as one is too small for subsets.
  case kernelOverWholeSets

  /// The images below which a side has few.
  public static let usualCount = 10_000

  /// A sentence without its full stop.
  public var description: String {
    switch self {
    case .fewImages(let side, let count):
      "the \(side) are \(count) images: over fewer than \(FigureNote.usualCount), a Fréchet distance is too high"
        + " and comparable only with others over as many"
    case .bias(let metric, let amount):
      "\(metric.rawValue) is too high by about \(FigureNote.rounded(amount)), by the usual law of one over the"
        + " number of samples"
    case .unknownReferenceCount:
      "the reference does not say over how many images its statistics are"
    case .nonFinite(let side, let images):
      "\(images.count) images of the \(side) have features that are not finite and were left out:"
        + " \(images.prefix(8).map(String.init).joined(separator: ", "))\(images.count > 8 ? ", ..." : "")"
    case .kernelOverWholeSets:
      "kid is over whole sets, not over subsets of 1,000"
    }
  }

  private static func rounded(_ number: Double) -> String {
    let scale = number >= 10 ? 1.0 : 100.0
    let rounded = (number * scale).rounded() / scale
    return scale == 1 ? "\(Int(rounded))" : "\(rounded)"
  }
}
