package import Files

/// How good a set of images is.
public struct Figures: Sendable, Equatable {
  /// The name of the feature network.
  public let features: String
  /// The number of samples.
  public let sampleCount: Int
  /// The number of images of the reference: those of its statistics for a Fréchet distance, and else those that
  /// samples were compared with; nil without a reference, or if the file of statistics does not tell.
  public let referenceCount: Int?
  /// The number of images of the reference that precision, recall and the kernel distance are over; nil if none
  /// was asked for.
  public let referenceImageCount: Int?
  /// The figures that were asked for.
  public let values: [Metric: Double]
  /// The standard deviation of the kernel distance over subsets; nil over whole sets.
  public let kidStandardDeviation: Double?
  /// Ranges of figures, where they are cheap: of the kernel distance over subsets, the Inception Score over
  /// chunks, precision and recall over images.
  public let intervals: [Metric: Interval]
  /// What a reader should know.
  public let notes: [FigureNote]
  /// What precision and recall are made of; nil if neither was asked for.
  public let neighbours: PrecisionRecall.Result?

  /// A figure; nil if it was not asked for.
  public subscript(metric: Metric) -> Double? { values[metric] }

  /// Metrics in the order of tables, those that were asked for.
  public var metrics: [Metric] { Metric.allCases.filter { values[$0] != nil } }

  /// The figures as JSON on one line: numbers under the names of the metrics, then what they are of.
  public var json: String { JSON.object(fields).text }

  /// The members of `json`, in order.
  package var fields: [(key: String, value: JSON)] {
    var fields: [(key: String, value: JSON)] = metrics.map { ($0.rawValue, number($0)) }
    if let kidStandardDeviation { fields.append(("kid_std", .number(kidStandardDeviation))) }
    if features.hasPrefix("dinov2"), values[.fid] != nil {
      fields.append(("fd_dinov2", number(.fid)))
    }
    fields += [
      ("features", .string(features)), ("samples", .integer(sampleCount)),
      ("reference", referenceCount.map { .integer($0) } ?? .null),
    ]
    if let referenceImageCount {
      fields.append(("reference_images", .integer(referenceImageCount)))
    }
    for metric in metrics {
      guard let interval = intervals[metric] else { continue }
      fields.append(
        (metric.rawValue + "_interval", .array([.number(interval.low), .number(interval.high)])))
    }
    for case .bias(let metric, let amount) in notes {
      fields.append((metric.rawValue + "_bias", .number(amount)))
    }
    return fields + [("notes", .array(notes.map { .string($0.description) }))]
  }

  private func number(_ metric: Metric) -> JSON { values[metric].map { .number($0) } ?? .null }
}
