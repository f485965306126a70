internal import Inference

extension InferenceError: ErrorWithRemedy {
  var remedy: String? { reason.remedy }
}

extension InferenceError.Reason {
  /// The option that helps.
  var remedy: String? {
    switch self {
    case .needsPacking: "use --mode graph"
    case .unsupportedPrecision: "another --precision may serve"
    }
  }
}
