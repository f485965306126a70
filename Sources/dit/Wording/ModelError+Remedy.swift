internal import Models

extension ModelError: ErrorWithRemedy {
  var remedy: String? { reason.remedy }
}

extension ModelError.Reason {
  /// The option that helps; nil if the message says enough.
  var remedy: String? {
    switch self {
    case .headCount: "say how many with --num-heads"
    case .groupCount: "their number is norm_num_groups in the config.json that belongs to the file"
    case .classCount: "leave --num-classes out, or correct it"
    case .other: nil
    }
  }
}
