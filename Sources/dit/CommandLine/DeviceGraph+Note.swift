internal import Torch

extension DeviceGraph.Recording {
  /// For the eye; nil where nothing was to be recorded.
  var note: String? {
    switch self {
    case .none: nil
    case .done: "recorded"
    case .failed(let reason): "not recorded: \(reason)"
    }
  }
}
