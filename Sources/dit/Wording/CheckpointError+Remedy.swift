internal import Checkpoint

extension CheckpointError: ErrorWithRemedy {
  var remedy: String? {
    switch reason {
    case .noAverage: "leave out --ema to take those"
    case .unknownFormat, .damaged, .refused, .unsupported, .noTensors: nil
    }
  }
}
