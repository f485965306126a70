internal import Checkpoint
internal import Models

extension CheckpointError: ErrorWithRemedy {
  var remedy: String? {
    switch reason {
    case .noAverage: "leave out --ema, or --no-ema false, to take those"
    case .severalAverages: "or take the weights of the last step with --no-ema"
    case .remote(.address): "download it, and name the file"
    case .remote(.published(let name)):
      "the published file is https://dl.fbaipublicfiles.com/DiT/models/\(name)"
    case .remote(.repository(let name)) where DiTPreset(rawValue: name) != nil:
      "that is the name of a size (--model-name); name the file of its weights"
    case .remote(.repository(let name)):
      "if it is a model on the Hugging Face hub, fetch it with `hf download \(name) --local-dir"
        + " \(name.drop { $0 != "/" }.dropFirst())` or from https://huggingface.co/\(name), and name the"
        + " folder"
    case .unknownFormat, .damaged, .refused, .unsupported, .noTensors: nil
    }
  }
}
