internal import Pipeline

extension PipelineError: ErrorWithRemedy {
  var remedy: String? { nil }
  var isUsage: Bool { code == .setting }
}
