internal import ArgumentParser
internal import Checkpoint
internal import Models
internal import Torch

/// `dit convert`
struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert", abstract: "Convert checkpoints between formats and dialects.",
    discussion: """
      Reads safetensors, PyTorch and MindSpore files of DiTs and autoencoders in any known dialect, \
      and folders of diffusers; the content tells the format. Writes the names of the published \
      DiTs, or those of diffusers for an autoencoder (of MindONE in a MindSpore file), in the \
      format of the target's suffix: .safetensors, .pt, .pth or .bin (PyTorch), .ckpt (MindSpore); \
      or, with --format diffusers, a folder for DiTPipeline. What was written is read again and \
      compared.

        dit convert --source DiT-XL-2-256x256.pt \\
          --target DiT-XL-2-256x256.safetensors
        dit convert --source model.ckpt --target converted/ --dtype bf16
        dit convert --source DiT-XL-2-256x256.pt \\
          --vae-source sd-vae-ft-mse.safetensors \\
          --target DiT-XL-2-256/ --format diffusers
      """)

  @Option(name: [.short, .long], help: "The checkpoint to read, a file or folder.")
  var source: String
  @Option(
    name: [.short, .long],
    help: "The file to write, or a folder, for a file of the source's name.")
  var target: String
  @Option(
    help: "safetensors, pytorch, mindspore or diffusers (default: by the target's suffix).")
  var format: TargetFormat?
  @Option(help: "The autoencoder for a folder of diffusers (default: the source's, if any).")
  var vaeSource: String?
  @Option(help: "The most megabytes of weights in one file of a folder of diffusers.")
  var shardSize = 5000
  @Option(help: "What floating-point numbers become: fp32, bf16 or fp16 (default: as they are).")
  var dtype: FloatFormat?
  @Option(help: "Take the EMA weights; an error if there are none (default: if there are any).")
  var ema: Bool?
  @Option(help: "Take the weights of the last step, not EMA.") var noEma: Bool?
  @Option(help: "What the source must be: dit or vae (default: what it is).") var kind: ModelKind?
  @Option(help: "Height and width in pixels, for a DiT file without its position embedding.")
  var imageSize: Int?
  @Option(help: "Attention heads, where the checkpoint does not tell.") var numHeads: Int?
  @Option(
    help: """
      An AutoencoderKL's norms in a MindSpore file: gamma, or weight as later MindONE has it \
      (default: gamma).
      """)
  var normNames: StateDicts.NormNames?
  @Option(help: "Overwrite a file that is there already.") var force = false

  func validate() throws {
    guard imageSize ?? 1 > 0 else {
      throw ValidationError("--image-size \(imageSize ?? 0): must be above 0")
    }
    guard numHeads ?? 1 > 0 else {
      throw ValidationError("--num-heads \(numHeads ?? 0): must be at least 1")
    }
    guard 1...1_000_000 ~= shardSize else {
      throw ValidationError("--shard-size \(shardSize): must be from 1 to 1000000")
    }
    guard vaeSource == nil || format == .diffusers && kind != .vae else {
      throw ValidationError("--vae-source is for a DiT with --format diffusers")
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

/// What `dit convert` writes.
enum TargetFormat: String, ExpressibleByArgument, CaseIterable {
  case safetensors
  case pytorch
  case mindspore
  case diffusers

  /// The format of the file; nil for a folder of several.
  var file: CheckpointFormat? { CheckpointFormat(rawValue: rawValue) }
}

/// The kinds of models that are converted.
enum ModelKind: String, ExpressibleByArgument, CaseIterable {
  case dit
  case vae

  /// Where it lies in the folder of a pipeline.
  var part: PipelinePart { self == .dit ? .transformer : .vae }
}
