internal import ArgumentParser
internal import Files
internal import Parallel
internal import Pipeline
internal import Torch

/// `dit sample`
struct SampleCommand: ParsableCommand, ReplacingOptions, RecordedCommand, RepeatingCommand {
  static let recordKeys = SampleReport.keysWithoutOption
  static func origin(given names: Set<String>) -> RecordOrigin {
    names.contains("npz") ? .generate : .sample
  }
  static let replaced: [String: Set<String>] = [
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
        dit sample --list-classes
        dit sample -c configs/inference/dit-xl-2-256x256.yaml \\
          --dit-checkpoint DiT-XL-2-256x256.pt \\
          --vae-checkpoint sd-vae-ft-mse.safetensors

      A seed gives the image that PyTorch gives with that seed and the same batch. Each option is \
      also a key of the configuration file: --sampling-steps is sampling_steps. Ctrl-C stops at the \
      next step. The record, sample.json, can be given back with -c, and an image with --from. dit generate makes many images, by several processes if need be.
      """)

  @Option(name: [.short, .long], help: "A YAML file of options.", completion: .file()) var config:
    String?

  @Option(
    help: """
      Make this PNG file of dit sample or dit generate again: all settings are its own. Flags win; \
      with --class-labels, --num-samples or --batch-size new images are made with its settings.
      """, completion: .file()) var from: String?
  @OptionGroup var sampling: SamplingSettingsOptions
  @Option(help: "Classes by number or name, with commas between (default: a few).")
  var classLabels: ClassListArgument?
  @Option(help: "List the model's classes, number and name, and draw nothing.")
  var listClasses = false
  @Option(help: "Images of each label; with --npz, of all labels together.") var numSamples = 1
  @Option(help: "Images at a time; changes the noise (default: all, at most 8).")
  var batchSize: Int?

  @Option(help: "The folder for images (default: samples/<date-time>).", completion: .file())
  var outputPath: String?
  @Option(help: "Write all images also as one grid.") var imagegrid = true
  @Option(help: "Write into each PNG file how it was made.") var metadata = true
  @Option(
    help: """
      Also write the latents to this safetensors file; with --vae-checkpoint none, those of a latent \
      model alone.
      """, completion: .file()) var saveLatents: String?
  @Option(
    help: """
      Write all images to this file, as dit generate --output-path does, in place of the folder.
      """, completion: .file()) var npz: String?
  @OptionGroup(title: "Several processes, for --npz") var parallel: ParallelOptions
  @Option(help: "Overwrite files that are there already.") var force = false

  func validate() throws {
    try Bounds.from(1, to: 10_000_000).check(numSamples, "--num-samples")
    try Bounds.batchSizes.check(batchSize, "--batch-size")
  }

  /// Checks options that only make sense together; each alone may come from a configuration file.
  private func checkTogether() throws {
    guard npz == nil || saveLatents == nil && outputPath == nil else {
      throw UsageError("--npz stands in place of --output-path and --save-latents")
    }
    guard from == nil || npz == nil else {
      throw UsageError("--from makes PNG files: give --output-path FOLDER in place of --npz")
    }
    guard npz != nil || parallel.workers ?? 1 == 1 else {
      throw UsageError("--workers: several processes make images for --npz alone")
    }
  }

  static func recordedOptions(_ values: [String: String]) throws -> RecordedOptions? {
    guard let path = values["from"] else { return nil }
    return RecordedOptions(
      option: "from", path: path, options: try ImageRecord(readFrom: path).options)
  }

  func run() throws {
    try checkTogether()
    let settings = try sampling.settings(batchSize: batchSize)
    if listClasses { return try ClassListing(settings).run() }
    if let npz { return try generate(npz, settings) }
    ProcessMemory.prepare()
    try sampling.execution.apply()
    try parallel.run(useParallel: sampling.mindONE.useParallel) { ranks in
      if ranks.isRankZero {
        RecordOrigin.note(config, for: .sample).map(note)
        sampling.notes(settings).forEach(note)
      }
      guard ranks == nil else {
        throw UsageError(
          "several processes make images for --npz FILE alone; give --use-parallel false to have each"
            + " work by itself")
      }
      try makeImages(settings)
    }
  }

  private func makeImages(_ settings: SamplingSettings) throws {
    let files = SampleFiles(
      folder: outputPath, latents: saveLatents, hasGrid: imagegrid, hasMetadata: metadata,
      replaces: force)
    let repeated = try from.map { try RepeatedImage($0) }
    if let repeated, let place = repeated.place {
      var settings = settings
      settings.batchSize = repeated.record.settings.batchSize
      return try RepeatRun(settings, repeated, place, files).run()
    }
    var run = SampleRun(
      settings, classLabels: classLabels?.text ?? repeated?.label.map(String.init),
      imagesPerLabel: numSamples, files: files, repeated: repeated)
    try run.run()
  }

  private func generate(_ file: String, _ settings: SamplingSettings) throws {
    let run = GenerateRun(
      settings, count: numSamples, output: ImageArchive(file), classLabels: classLabels?.text,
      isDrawn: nil, hasMetadata: false, option: "--npz", replaces: force)
    try run.run(sampling, parallel) { ranks in
      if ranks.isRankZero {
        RecordOrigin.note(config, for: .generate).map(note)
        note("dit generate --output-path \(file) does the same as --npz")
      }
      try ranks?.agree(on: self)
    }
  }
}
