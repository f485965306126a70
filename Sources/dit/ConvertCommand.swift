internal import ArgumentParser
internal import Checkpoint
internal import Torch

/// `dit convert`
struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert", abstract: "Convert checkpoints between formats and dialects.",
    discussion: """
      Reads safetensors, PyTorch and MindSpore files of DiTs and autoencoders in any known dialect; \
      the content tells the format. Writes the names of the published DiTs, or those of diffusers \
      for an autoencoder, in the format of the target's suffix: .safetensors, .pt, .pth or .bin \
      (PyTorch), .ckpt (MindSpore). The file is read again and compared.

        dit convert --source DiT-XL-2-256x256.pt --target DiT-XL-2-256x256.safetensors
        dit convert --source model.ckpt --target converted/ --dtype bf16
      """)

  @Option(name: [.short, .long], help: "The checkpoint to read.") var source: String
  @Option(
    name: [.short, .long],
    help: "The file to write, or a folder, for a safetensors file of the source's name.")
  var target: String
  @Option(help: "What floating-point numbers become: fp32, bf16 or fp16 (default: as they are).")
  var dtype: FloatFormat?
  @Option(help: "Take the EMA weights; an error if there are none (default: if there are any).")
  var ema: Bool?
  @Option(help: "Take the weights of the last step, not EMA.") var noEma: Bool?
  @Option(help: "What the source must be: dit or vae (default: what it is).") var kind: ModelKind?
  @Option(help: "Height and width in pixels, for a DiT file without its position embedding.")
  var imageSize: Int?
  @Option(help: "Attention heads, where the checkpoint does not tell.") var numHeads: Int?
  @Option(help: "Overwrite a file that is there already.") var force = false

  func validate() throws {
    guard imageSize ?? 1 > 0 else {
      throw ValidationError("--image-size \(imageSize ?? 0): must be above 0")
    }
    guard numHeads ?? 1 > 0 else {
      throw ValidationError("--num-heads \(numHeads ?? 0): must be at least 1")
    }
    guard ema != true || noEma != true else {
      throw ValidationError("--ema contradicts --no-ema")
    }
  }

  func run() throws { try ConvertRun(self).run() }

  /// Which of several sets of weights to take.
  var weights: WeightSet {
    if noEma == true || ema == false { return .last }
    return ema == true || noEma == false ? .averaged : .automatic
  }
}

/// The formats of floating-point numbers that files are converted to.
enum FloatFormat: String, ExpressibleByArgument, CaseIterable {
  case fp32
  case bf16
  case fp16

  /// Its name, or the name in other programs.
  init?(argument: String) {
    let known = ["float32": "fp32", "float16": "fp16", "bfloat16": "bf16"]
    let name = argument.lowercased()
    self.init(rawValue: known[name] ?? name)
  }

  /// The element type.
  var dtype: DType {
    switch self {
    case .fp32: .float32
    case .bf16: .bfloat16
    case .fp16: .float16
    }
  }
}

/// The kinds of models that are converted.
enum ModelKind: String, ExpressibleByArgument, CaseIterable {
  case dit
  case vae
}
