internal import ArgumentParser
internal import Diffusion
internal import Files
internal import Foundation
internal import Models
internal import Parallel
internal import Pipeline
internal import Torch

/// `dit sample`
struct SampleCommand: ParsableCommand, ReplacingOptions {
  static let replaced: [String: Set<String>] = [
    "sampler": ["ddim-sampling"], "ddim-sampling": ["sampler"],
    "dit-checkpoint": ["pretrained-model-path"], "pretrained-model-path": ["dit-checkpoint"],
    "npz": ["output-path", "save-latents"], "output-path": ["npz"], "save-latents": ["npz"],
  ]

  static let configuration = CommandConfiguration(
    commandName: "sample", abstract: "Make images of given classes.",
    discussion: """
      Without a checkpoint the model that is built in makes small pictures of emoji.

        dit sample --class-labels clock,face --num-samples 4 --seed 1
        dit sample --dit-checkpoint DiT-XL-2-256x256.pt \\
          --vae-checkpoint sd-vae-ft-mse.safetensors \\
          --class-labels 207,360,"great white shark" --sampler ddim
        dit sample -c configs/inference/dit-xl-2-256x256.yaml \\
          --dit-checkpoint DiT-XL-2-256x256.pt \\
          --vae-checkpoint sd-vae-ft-mse.safetensors
        dit sample --dit-checkpoint DiT-XL-2-256x256.pt \\
          --vae-checkpoint sd-vae-ft-mse.safetensors \\
          --num-samples 50000 --npz samples.npz --workers 8

      A seed gives the image that PyTorch gives with that seed and the same batch. Each option is \
      also a key of the configuration file: --sampling-steps is sampling_steps. Ctrl-C stops at the \
      next step.
      """)

  @Option(name: [.short, .long], help: "A YAML file of options.") var config: String?

  @Option(
    help: "The DiT: a file, or a folder of diffusers or dit train (default: the built-in model).")
  var ditCheckpoint: String?
  @Option(help: .hidden) var pretrainedModelPath: String?
  @Option(
    help:
      "The autoencoder's file or folder (also of its two halves), or none for a model that makes pixels."
  )
  var vaeCheckpoint: String?
  @Option(help: "The published size that the checkpoint must have, DiT-XL/2 to DiT-S/8.")
  var modelName: DiTPreset?
  @Option(help: "Height and width in pixels that the checkpoint must be for.") var imageSize: Int?
  @Option(help: "Attention heads, where the checkpoint does not tell.") var numHeads: Int?
  @Option(help: "A text file of class names, line i for class i.") var classNames: String?

  @Option(help: "Classes by number or name, with commas between (default: a few).")
  var classLabels: String?
  @Option(help: "Images of each label; with --npz, of all labels together.") var numSamples = 1
  @Option(help: "Images at a time; changes the noise (default: all, at most 8).")
  var batchSize: Int?
  @Option(help: "The sampling method (default: ddpm).") var sampler: SamplingMethod?
  @Option(help: "Use ddim (the same as --sampler ddim).") var ddimSampling: Bool?
  @Option(help: "DDIM's share of fresh noise.") var eta = 0.0
  @Option(help: "Sampling steps, 1 to 1000 (default: \(SamplingMethod.stepCountText)).")
  var samplingSteps: Int?
  @Option(help: "Classifier-free guidance; 1 or less for none.") var guidanceScale = 4.0
  @Option(help: "Channels that guidance acts on: a number of the first ones, or all.")
  var cfgChannels = GuidedChannelsArgument(.first(3))
  @Option(help: "What latents were multiplied by (default: the autoencoder's own).")
  var sdScaleFactor: Double?
  @Option(help: "The seed of the random numbers.") var seed: UInt64 = 42

  @OptionGroup(title: "Execution") var format: SamplingFormat
  @OptionGroup(title: "Execution") var execution: ExecutionOptions
  @OptionGroup var mindONE: MindONEOptions

  @Option(help: "The folder for images (default: samples/<date-time>).") var outputPath: String?
  @Option(help: "Write all images also as one grid.") var imagegrid = true
  @Option(help: "Also write the latents to this safetensors file.") var saveLatents: String?
  @Option(
    help: """
      Write all images to this file, arr_0 and the classes as arr_1, in place of the folder: the \
      format of the evaluation suite of Dhariwal & Nichol 2021. Image i has the seed --seed + i. The \
      settings go to a .json file of the same name.
      """) var npz: String?
  @OptionGroup(title: "Several processes, for --npz") var parallel: ParallelOptions
  @Option(help: "Overwrite files that are there already.") var force = false

  func validate() throws {
    try Bounds.from(1, to: 10_000_000).check(numSamples, "--num-samples")
    try Bounds.batchSizes.check(batchSize, "--batch-size")
    try Bounds.from(1, to: 1000).check(samplingSteps, "--sampling-steps")
    // Beyond 1 there may be more fresh noise than noise in all.
    try Bounds.from(0, to: 1).check(eta, "--eta")
    try Bounds.from(-1000, to: 1000).check(guidanceScale, "--guidance-scale")
    try Bounds.factors.check(sdScaleFactor, "--sd-scale-factor")
    try Bounds.imageSizes.check(imageSize, "--image-size")
    try Bounds.modelCounts.check(numHeads, "--num-heads")
  }

  /// Checks options that only make sense together; each alone may come from a configuration file.
  private func checkTogether() throws {
    func require(_ condition: Bool, _ message: String) throws {
      guard condition else { throw UsageError(message) }
    }
    try require(
      sampler ?? .ddim == .ddim || ddimSampling != true,
      "--sampler \(sampler ?? .ddim) contradicts --ddim-sampling")
    try require(
      npz == nil || saveLatents == nil && outputPath == nil,
      "--npz stands in place of --output-path and --save-latents")
    try require(
      npz != nil || parallel.workers ?? 1 == 1,
      "--workers: several processes make images for --npz alone")
  }

  func run() throws {
    try checkTogether()
    ProcessMemory.prepare()
    try execution.apply()
    var lock: FolderLock?
    defer { withExtendedLifetime(lock) {} }
    try parallel.run(useParallel: mindONE.useParallel) { ranks in
      if ranks.isRankZero {
        mindONE.notes.forEach(note)
        let readers = SamplingMethod.reading(.eta)
        if eta > 0, !readers.contains(samplingOptions.sampler) {
          let names = readers.map(\.name).joined(separator: ", ")
          note("--eta is for \(names) and changes nothing here")
        }
      }
      if let npz {
        try ranks?.agree(on: self)
        return try BulkRun(self, to: npz, ranks) { lock = $0 }.run()
      }
      guard ranks == nil else {
        throw UsageError(
          "several processes make images for --npz FILE alone; give --use-parallel false to have each"
            + " work by itself")
      }
      try SampleRun(self).run()
    }
  }
}

extension SampleCommand {
  /// What the pipeline is made of.
  ///
  /// - Throws: `UsageError` for options that contradict each other.
  func pipelineConfig() throws -> PipelineConfig {
    let device = mindONE.device(execution.device)
    let autoencoder: AutoencoderChoice =
      switch vaeCheckpoint {
      case nil: .automatic
      case "none", "None": .none
      case let path?: .file(path)
      }
    return PipelineConfig(
      ditCheckpoint: ditCheckpoint ?? pretrainedModelPath, autoencoder: autoencoder,
      preset: modelName, imageSize: imageSize, headCount: numHeads, classNamesPath: classNames,
      scaleFactor: sdScaleFactor,
      precision: try format.withSecondLayer(
        mindONE.precision(format.precision, device: device)),
      mode: mindONE.msMode ?? execution.chosenMode, device: device, allowsTF32: execution.tf32)
  }

  /// How images are sampled.
  var samplingOptions: SamplingOptions {
    SamplingOptions(
      sampler: sampler ?? (ddimSampling == true ? .ddim : .ddpm), stepCount: samplingSteps,
      samplerOptions: SamplerOptions(eta: eta), guidance: Guidance(scale: guidanceScale, channels: cfgChannels.channels))
  }
}

extension SampleCommand {
  /// Says where batches may take more memory than is free.
  ///
  /// - Parameters:
  ///   - free: what was free before the model took any; nil if that is not known.
  ///   - pipeline: what they are made by.
  ///   - batchSize: images at a time.
  ///   - processCount: how many of this machine do the same.
  /// - Returns: a line; nil where they do not.
  func memoryWarning(
    _ free: MemoryWarning?, _ pipeline: LatentDiffusionPipeline, batchSize: Int, processCount: Int
  ) -> String? {
    let options = samplingOptions
    return free?.line(
      sampling: pipeline.model, pipeline.precision,
      networkBatchSize: batchSize * (options.guidance.isActive ? 2 : 1),
      stepCount: options.stepCount ?? 1, processCount: processCount)
  }
}

extension PipelineConfig {
  /// The DiT's file or folder, or the name of the built-in one.
  var ditName: String { ditCheckpoint ?? EmbeddedModel.name }

  /// The autoencoder's file, the name of the built-in one, or "none".
  var autoencoderName: String {
    switch chosenAutoencoder {
    case .file(let path): path
    case .embedded: EmbeddedModel.autoencoderName
    case .automatic, .none: "none"
    }
  }
}
