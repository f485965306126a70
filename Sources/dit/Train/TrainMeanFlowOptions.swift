internal import ArgumentParser
internal import Diffusion

/// What `--objective meanflow` needs besides; by default as in the published code.
struct TrainMeanFlowOptions: ParsableArguments {
  private static let standard = MeanFlowSettings()

  @Option(
    help: ArgumentHelp(
      "The share of rows that learn the average over a step; the others learn the velocity (default: \(standard.spanShare))."
    ))
  var meanflowShare: Double?
  @Option(
    help: ArgumentHelp(
      "The weight of the data's velocity in the target, omega; 1 with --meanflow-mixing 0 is no guidance (default: \(standard.guidanceScale))."
    ))
  var meanflowGuidance: Double?
  @Option(
    help: ArgumentHelp(
      "The weight of the model's own velocity of the class in the target, kappa; guidance then acts as one of scale omega / (1 - kappa) (default: \(standard.guidanceMixing))."
    ))
  var meanflowMixing: Double?
  @Option(
    help: ArgumentHelp(
      "The power of a row's squared error that its loss is divided by; 0 for equal weights (default: \(standard.weightPower))."
    ))
  var meanflowPower: Double?

  func validate() throws {
    try Bounds.from(0, to: 1).check(meanflowShare, "--meanflow-share")
    try Bounds.above(0, to: 100).check(meanflowGuidance, "--meanflow-guidance")
    try Bounds.from(0, to: 0.99).check(meanflowMixing, "--meanflow-mixing")
    try Bounds.from(0, to: 4).check(meanflowPower, "--meanflow-power")
  }

  /// Checks that they are given for that objective alone.
  ///
  /// - Throws: `UsageError`.
  func check(_ objective: ObjectiveName) throws {
    let isGiven =
      [meanflowShare, meanflowGuidance, meanflowMixing, meanflowPower].contains { $0 != nil }
    guard objective == .meanflow || !isGiven else {
      throw UsageError(
        "--meanflow-share, --meanflow-guidance, --meanflow-mixing and --meanflow-power are for"
          + " --objective meanflow")
    }
  }

  /// The settings of the objective.
  var settings: MeanFlowSettings {
    let standard = TrainMeanFlowOptions.standard
    return MeanFlowSettings(
      spanShare: meanflowShare ?? standard.spanShare,
      guidanceScale: meanflowGuidance ?? standard.guidanceScale,
      guidanceMixing: meanflowMixing ?? standard.guidanceMixing,
      weightPower: meanflowPower ?? standard.weightPower)
  }
}
