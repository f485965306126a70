/// The series of one name.
struct MetricFamily: Sendable {
  /// What the numbers are.
  enum Kind: String {
    case counter
    case gauge
    case histogram
  }

  /// What the numbers are.
  let kind: Kind
  /// By their labels, as they are written between the braces.
  var series: [String: any MetricSeries] = [:]

  /// The lines of the family.
  func text(named name: String) -> String {
    let lines = series.sorted { $0.key < $1.key }.flatMap { labels, series in
      series.samples.map { sample in
        let all = [labels, sample.label].filter { !$0.isEmpty }.joined(separator: ",")
        let braces = all.isEmpty ? "" : "{\(all)}"
        return "\(name)\(sample.suffix)\(braces) \(MetricFamily.text(of: sample.value))\n"
      }
    }
    let help = MetricFamily.help[name].map { "# HELP \(name) \($0)\n" } ?? ""
    return help + "# TYPE \(name) \(kind.rawValue)\n" + lines.joined()
  }

  /// What the server's own metrics say; swift-metrics has no texts.
  private static let help = [
    "dit_jobs_total": "Jobs that ended, and requests that were refused.",
    "dit_images_total": "Images drawn.",
    "dit_queue_length": "Jobs that wait.",
    "dit_running_jobs": "Jobs being drawn.",
    "dit_batch_size": "Images in a batch as it begins.",
    "dit_step_seconds": "Seconds of a sampling step of a batch.",
    "dit_first_preview_seconds": "Seconds from a request to its first preview.",
    "dit_http_requests_total": "Answers by route and status.",
    "dit_http_request_seconds": "Seconds from a request to the end of its answer.",
  ]

  /// Labels as they are written, in their order.
  static func text(of labels: [(String, String)]) -> String {
    labels.map { name, value in
      let value = value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        .replacing("\n", with: "\\n")
      return "\(validName(name).replacing(":", with: "_"))=\"\(value)\""
    }.joined(separator: ",")
  }

  /// A name with `_` in place of what may not stand in it.
  static func validName(_ name: String) -> String {
    let scalars = name.unicodeScalars.map { scalar -> Unicode.Scalar in
      switch scalar {
      case "a"..."z", "A"..."Z", "0"..."9", "_", ":": scalar
      default: "_"
      }
    }
    let text = String(String.UnicodeScalarView(scalars))
    return text.first?.isNumber ?? true ? "_" + text : text
  }

  /// A number; integers without a point.
  static func text(of value: Double) -> String {
    switch value {
    case .infinity: "+Inf"
    case -.infinity: "-Inf"
    default: Int(exactly: value).map(String.init) ?? (value.isNaN ? "NaN" : "\(value)")
    }
  }
}

/// The numbers of one name and its labels.
protocol MetricSeries: AnyObject, Sendable {
  /// The lines that they are written as.
  var samples: [MetricSample] { get }
}

/// A line of a series.
struct MetricSample {
  /// What follows the name.
  var suffix = ""
  /// A further label, as it is written.
  var label = ""
  /// The number.
  let value: Double
}
