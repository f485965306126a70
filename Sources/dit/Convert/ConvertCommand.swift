internal import ArgumentParser
internal import Checkpoint
internal import Models
internal import Torch

/// `dit convert`
struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert", abstract: "Convert checkpoints between formats and dialects.",
    discussion: """
      Reads DiTs and autoencoders from safetensors, PyTorch and MindSpore files and from folders of \
      diffusers, whatever their tensors are called. The target's suffix chooses the format: \
      .safetensors; .pt, .pth or .bin for PyTorch; .ckpt for MindSpore. --format diffusers writes a \
      folder for DiTPipeline. Tensors get the names of the published DiTs, or of diffusers for an \
      autoencoder (of MindONE in a MindSpore file). The result is read again and compared.

        dit convert --source DiT-XL-2-256x256.pt \\
          --target DiT-XL-2-256x256.safetensors
        dit convert --source model.ckpt --target converted/ --dtype bf16
        dit convert --source DiT-XL-2-256x256.pt \\
          --vae-source sd-vae-ft-mse.safetensors \\
          --target DiT-XL-2-256/ --format diffusers
      """)

  @Option(
    name: [.short, .long], help: "The checkpoint to read, a file or folder.", completion: .file())
  var source: String
  @Option(
    name: [.short, .long],
    help: "The file to write, or a folder for a file with the source's name.", completion: .file())
  var target: String
  @Option(
    help: "safetensors, pytorch, mindspore or diffusers (default: by the target's suffix).")
  var format: TargetFormat?
  @Option(
    help: "The autoencoder for a folder of diffusers (default: the source's, if it has one).",
    completion: .file())
  var vaeSource: String?
  @Option(help: "The most megabytes of weights in one file of a folder of diffusers.")
  var shardSize = 5000
  @Option(help: "Number format of the result: fp32, bf16 or fp16 (default: the source's).")
  var dtype: FloatFormat?
  @Option(
    help: "Take the EMA weights, or fail if there are none (default: take them if there are any).")
  var ema: Bool?
  @Option(help: "Take the weights of the last step, not the EMA.") var noEma: Bool?
  @Option(help: "What to look for: dit or vae (default: what there is).") var kind: ModelKind?
  @OptionGroup var shape: CheckpointShapeOptions
  @OptionGroup var family: FamilyOptions
  @Option(
    help: """
      How an AutoencoderKL's norms are called in a MindSpore file: gamma, or weight as in later \
      MindONE (default: gamma).
      """)
  var normNames: StateDicts.NormNames?
  @Option(
    help: """
      A file with mean and deviation of each channel of the latents, as latents_stats.pt of LightningDiT; \
      they go into the result's metadata.
      """, completion: .file())
  var latentStats: String?
  @Option(
    help: """
      A configuration file of dit sample whose sampler, sampling_steps, guidance_scale, cfg_channels, \
      guidance_interval and class_labels go into the result's metadata: they hold for this model where \
      nothing else is chosen.
      """, completion: .file())
  var sampling: String?
  @Option(help: "Overwrite a file that is there already.") var force = false

  func validate() throws {
    try Bounds.from(1, to: 1_000_000).check(shardSize, "--shard-size")
    guard vaeSource == nil || format == .diffusers && kind != .vae else {
      throw ValidationError("--vae-source is for a DiT with --format diffusers")
    }
    guard ema != true || noEma != true else {
      throw ValidationError("--ema contradicts --no-ema")
    }
  }

  func run() throws { try ConvertRun(self).run() }

  /// The set of weights to take.
  var weights: WeightSet {
    if noEma == true || ema == false { return .last }
    return ema == true || noEma == false ? .averaged : .automatic
  }
}

/// Number formats of converted files.
enum FloatFormat: String, NumberFormatArgument, CaseIterable {
  case fp32
  case bf16
  case fp16

  /// The element type.
  var dtype: DType {
    switch self {
    case .fp32: .float32
    case .bf16: .bfloat16
    case .fp16: .float16
    }
  }
}

/// Formats that `dit convert` writes.
enum TargetFormat: String, ExpressibleByArgument, CaseIterable {
  case safetensors
  case pytorch
  case mindspore
  case diffusers

  /// The format of a file; nil for a folder.
  var file: CheckpointFormat? { CheckpointFormat(rawValue: rawValue) }
}

/// Kinds of models.
enum ModelKind: String, ExpressibleByArgument, CaseIterable {
  case dit
  case vae

  /// Its part of a pipeline.
  var part: PipelinePart { self == .dit ? .transformer : .vae }
}
