internal import Torch

extension DeviceGraph.Recording {
  /// The outcome in words; nil if no recording was tried.
  var note: String? {
    switch self {
    case .none: nil
    case .done: "recorded"
    case .failed(let reason): "not recorded: \(reason)"
    }
  }
}
