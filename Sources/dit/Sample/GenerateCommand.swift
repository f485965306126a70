internal import ArgumentParser
internal import Files
internal import Parallel
internal import Pipeline

/// `dit generate`
struct GenerateCommand: ParsableCommand, RecordedCommand {
  static let recordKeys = SampleReport.keysWithoutOption
  static func origin(given names: Set<String>) -> RecordOrigin { .generate }
  static let configuration = CommandConfiguration(
    commandName: "generate", abstract: "Make many images, by any number of processes.",
    discussion: """
      All images go to one .npz file, or to a folder as PNG files. Image i has the seed --seed + i, \
      so that neither batches nor processes change it. The settings go to samples.json in the folder, or to a .json file next to the \
      output. After Ctrl-C or a failure the same command goes on.

        dit generate --num-samples 100 --output-path emoji/
        dit generate --dit-checkpoint DiT-XL-2-256x256.pt \\
          --vae-checkpoint sd-vae-ft-mse.safetensors --sampler ddim \\
          --num-samples 50000 --output-path samples.npz --workers 8
        dit generate --labels equal --num-samples 10000 --output-path samples.npz
        dit generate --class-labels "tench,great white shark" \\
          --dit-checkpoint DiT-XL-2-256x256.pt \\
          --vae-checkpoint sd-vae-ft-mse.safetensors \\
          --num-samples 64 --output-path fish/

      A .npz file has pixels as arr_0 and classes as arr_1, the format of the evaluation suite of \
      Dhariwal & Nichol 2021. Files in a folder are named by number and class.
      """)

  @Option(name: [.short, .long], help: "A YAML file of options.", completion: .file()) var config:
    String?
  @Option(help: "Images in all.") var numSamples: Int?
  @Option(help: "The file, if it ends in .npz, or the folder for images.", completion: .file())
  var outputPath: String?
  @Option(
    help: """
      equal: as many images of each class, in turn; random: classes are drawn by the seed (default: \
      equal with --class-labels, else random).
      """)
  var labels: LabelOrder?
  @Option(help: "Classes by number or name, with commas between (default: all).")
  var classLabels: ClassListArgument?
  @Option(help: "Images at a time (default: 8).") var batchSize: Int?
  @OptionGroup var sampling: SamplingSettingsOptions
  @OptionGroup(title: "Several processes") var parallel: ParallelOptions
  @Option(help: "Write into each PNG file how it was made.") var metadata = true
  @Option(help: "Overwrite images that are there already.") var force = false

  /// How images get their classes.
  enum LabelOrder: String, CaseIterable, ExpressibleByArgument {
    case equal
    case random
  }

  func validate() throws {
    try Bounds.from(1, to: 10_000_000).check(numSamples, "--num-samples")
    try Bounds.batchSizes.check(batchSize, "--batch-size")
  }

  func run() throws {
    guard let numSamples else { throw UsageError("how many images is missing: give --num-samples") }
    guard let outputPath else {
      throw UsageError("where to write is missing: give --output-path FILE.npz or FOLDER")
    }
    let isArchive = outputPath.hasSuffix(".npz")
    guard isArchive || !Folder.hasFile(outputPath) else {
      throw UsageError(
        "--output-path '\(outputPath)': it is a file; name a folder, or a file that ends in .npz")
    }
    let output: any ImageOutput =
      isArchive ? ImageArchive(outputPath) : NumberedImages(outputPath, replacesImages: force)
    let run = GenerateRun(
      try sampling.settings(batchSize: batchSize), count: numSamples, output: output,
      classLabels: classLabels?.text, isDrawn: labels.map { $0 == .random },
      hasMetadata: metadata && !isArchive, option: "--output-path", replaces: force)
    try run.run(sampling, parallel) { ranks in
      if ranks.isRankZero { RecordOrigin.note(config, for: .generate).map(note) }
      try ranks?.agree(on: self)
    }
  }
}
