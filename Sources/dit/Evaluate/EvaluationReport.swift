internal import Evaluation
internal import Files
internal import Foundation
internal import Diffusion
internal import Pipeline

/// The figures of an evaluation, for people and for programs.
struct EvaluationReport {
  private let result: EvaluationResult
  private let run: EvaluationRun
  private let judge: JudgeSummary?
  private let settings: SamplingSettings?

  /// Figures to show; `settings` say how a model made the samples, and are nil for others.
  init(
    _ result: EvaluationResult, _ run: EvaluationRun, _ network: EvaluationNetwork,
    settings: SamplingSettings?
  ) {
    self.result = result
    self.run = run
    judge = network.judge
    self.settings = settings
  }

  /// The table of figures, and what they are of.
  var rows: [(name: String, value: String)] {
    let figures = result.figures
    var rows: [(name: String, value: String)] = figures.metrics.map { metric in
      let interval = figures.intervals[metric].map {
        "  (\(EvaluationReport.number($0.low)) to \(EvaluationReport.number($0.high)))"
      }
      return (
        name(of: metric), (figures[metric].map(EvaluationReport.number) ?? "") + (interval ?? "")
      )
    }
    if let agreement = result.agreement {
      rows.append(("Taken for their class", EvaluationReport.percent(agreement)))
    }
    rows += [
      ("Samples", "\(figures.sampleCount) of \(run.samples?.name ?? "")"),
      (
        "Reference",
        (figures.referenceCount.map { "\($0) of " } ?? "") + run.reference.name
      ),
      ("Features", figures.features),
    ]
    if let count = figures.referenceImageCount, count != figures.referenceCount {
      rows.append(("Reference images", "\(count), for precision, recall and KID"))
    }
    if let judge {
      rows.append(
        (
          "Judge",
          "\(EvaluationReport.percent(judge.heldOutAccuracy)) of \(judge.heldOutCount) held-out images right"
        ))
    }
    if let labels = result.labels { rows.append(("Labels", labels.description)) }
    return rows
  }

  /// What a reader should know.
  var notes: [String] {
    var notes = result.figures.notes.compactMap { note -> String? in
      // Those are listed by name.
      if case .nonFinite = note { return nil }
      return note.description
    }
    for (images, side) in [(result.leftOut, "samples"), (result.referenceLeftOut, "reference")]
    where !images.isEmpty {
      let names = images.prefix(5).map(\.name).joined(separator: ", ")
      notes.append(
        "\(Amount.of(images.count, "image")) of the \(side) left out: \(names)"
          + (images.count > 5 ? ", ..." : ""))
    }
    if let judge {
      notes.append(
        "figures of a judge of one's own are comparable only with figures of the same judge")
      if judge.heldOutAccuracy < 0.5 {
        notes.append(
          "the judge is right for \(EvaluationReport.percent(judge.heldOutAccuracy)) of"
            + " \(judge.heldOutCount) held-out images alone: its figures say little")
      }
      if result.agreement == nil {
        notes.append(
          "the samples' classes are not those of the judge, so no share of them is given")
      }
    }
    return notes
  }

  /// The rows for a terminal.
  var table: String {
    let width = rows.reduce(0) { max($0, $1.name.count) } + 2
    return rows.map { $0.name.padding(toLength: width, withPad: " ", startingAt: 0) + $0.value }
      .joined(separator: "\n")
  }

  /// One line for programs.
  var json: String {
    var fields = result.figures.fields.filter { $0.key != "notes" }
    if let agreement = result.agreement { fields.append(("agreement", .number(agreement))) }
    if let judge { fields.append(("judge_accuracy", .number(judge.heldOutAccuracy))) }
    if let labels = result.labels { fields.append(("labels", .string(labels.description))) }
    fields.append(("samples_of", .string(run.samples?.name ?? "")))
    fields.append(("reference_of", .string(run.reference.name)))
    if let settings { fields += made(by: settings) }
    if !result.leftOut.isEmpty {
      fields.append(("left_out", .array(result.leftOut.map { .string($0.name) })))
    }
    fields.append(("notes", .array(notes.map { .string($0) })))
    return JSON.object(fields).text
  }

  /// How a model made the samples.
  private func made(by settings: SamplingSettings) -> [(key: String, value: JSON)] {
    let options = settings.options
    let checkpoint = settings.pipeline.ditCheckpoint
    return [
      ("step", checkpoint.flatMap(RunFolderLayout.step(of:)).map { .integer($0) }),
      ("sampler", .string(options.sampler.name)),
      ("sampling_steps", options.stepCount.map { .integer($0) }),
      ("guidance_scale", .number(options.guidance.scale)),
      ("seed", .integer(Int(clamping: settings.seed))),
      ("date", .string(Date().formatted(.iso8601))),
    ].compactMap { key, value in value.map { (key, $0) } }
  }

  private func name(of metric: Metric) -> String {
    let isInception = result.figures.features.hasPrefix("inception")
    return switch metric {
    case .fid: isInception ? "FID" : "Frechet distance"
    case .sfid: "sFID"
    case .inceptionScore: "Inception Score"
    case .precision: "Precision"
    case .recall: "Recall"
    case .kid: isInception ? "KID" : "Kernel distance"
    }
  }

  /// Six digits: figures of papers have three or four.
  private static func number(_ number: Double) -> String { String(format: "%.6g", number) }

  private static func percent(_ share: Double) -> String { String(format: "%.1f %%", 100 * share) }
}
