internal import ArgumentParser
internal import Checkpoint
internal import Files
internal import Foundation
internal import ImageData
internal import Models
internal import Pipeline
internal import Torch
internal import Training

/// `dit train-autoencoder`
struct TrainAutoencoderCommand: ResumableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train-autoencoder", abstract: "Train a small autoencoder on a folder of images.",
    discussion: """
      A TinyAutoencoder of a custom size, for images that are too small for the published ones. Its \
      latents have about unit variance, so the scale factor is 1. The result is one file for \
      --vae-checkpoint.

        dit train-autoencoder --data-path emoji --image-size 64 \\
          --output-path vae.safetensors
        dit train --data-path emoji --vae-checkpoint vae.safetensors \\
          --image-size 64 ...

      The file is written every --save-interval steps, after Ctrl-C, and at the end. The folder FILE.run \
      next to it has metrics, reconstructions of a few images in samples/, and the state from which \
      --resume continues, to the last bit; with more --max-steps also after the end.

        dit train-autoencoder --output-path vae.safetensors --resume --max-steps 9000
      """)

  @Option(name: [.short, .long], help: "A YAML file of options.", completion: .file()) var config:
    String?
  @Option(
    help: "A folder of class folders with images, or of images with image_caption.csv.",
    completion: .file())
  var dataPath: String?
  @Option(help: "Height and width of images in pixels.") var imageSize = 64
  @Option(help: "The file to write, in safetensors.", completion: .file()) var outputPath: String?
  @Option(
    help: """
      Continue where the run was stopped or has ended, with its options where none are given. A run \
      that has no state yet begins anew.
      """)
  var resume = false
  @Option(help: "Start anew, and replace an existing file or run.") var force = false
  @Option(help: "Channels at each resolution, from the image's down; each halves the one before.")
  var widths = WidthList([24, 48, 64])
  @Option(help: "Residual blocks at each resolution.") var blockCount = 2
  @Option(help: "Channels of the latents.") var latentChannels = 4
  @Option(help: "Optimizer steps.") var maxSteps = 6000
  @Option(help: "Images of a step.") var trainBatchSize = 16
  @Option(help: "Learning rate after the warm-up.") var startLearningRate = 2e-3
  @Option(help: "Learning rate at the end.") var endLearningRate = 1e-5
  @Option(help: "Steps of the warm-up.") var warmupSteps = 100
  @Option(help: "Decay of the weights' moving average per step.") var emaDecay = 0.999
  @Option(help: "The seed of weights, data order and noise.") var seed: UInt64 = 3407
  @Option(help: "Mirror half of the images.") var horizontalFlip = true
  @Option(help: "Steps from one writing of the file to the next.") var saveInterval = 500
  @Option(help: "Threads that decode images.") var numParallelWorkers = 2
  @Option(help: "auto, cpu, cuda or cuda:N.") var device = "auto"
  @Option(help: "CPU threads (default: one per core).") var threads: Int?

  func validate() throws {
    try Bounds.imageSizes.check(imageSize, "--image-size")
    for width in widths.values { try Bounds.from(1, to: 1024).check(width, "--widths") }
    try Bounds.from(1, to: 6).check(widths.values.count, "the number of --widths")
    try Bounds.from(1, to: 64).check(blockCount, "--block-count")
    try Bounds.from(1, to: 1024).check(latentChannels, "--latent-channels")
    try Bounds.counts.check(maxSteps, "--max-steps")
    try Bounds.batchSizes.check(trainBatchSize, "--train-batch-size")
    try Bounds.startRates.check(startLearningRate, "--start-learning-rate")
    try Bounds.rates.check(endLearningRate, "--end-learning-rate")
    try Bounds.countsOrNone.check(warmupSteps, "--warmup-steps")
    try Bounds.shares.check(emaDecay, "--ema-decay")
    try Bounds.counts.check(saveInterval, "--save-interval")
    try Bounds.threadCounts.check(numParallelWorkers, "--num-parallel-workers")
    try Bounds.threadCounts.check(threads, "--threads")
  }

  func run() throws {
    guard let dataPath else { throw UsageError("the images are missing: give --data-path FOLDER") }
    guard let outputPath else {
      throw UsageError("where to write is missing: give --output-path FILE")
    }
    let runPath = Self.runFolder(of: outputPath)
    let resumes = try checkOutput(outputPath, runPath)
    settingsNotes(CommandLine.arguments).forEach(note)
    guard outputPath.hasSuffix(".safetensors") else {
      throw UsageError("--output-path \(outputPath): must end in .safetensors")
    }
    // Throws now, not after hours, if the file cannot be written.
    _ = try AtomicFile(outputPath)
    let model = TinyAutoencoderConfig(
      widths: widths.values, latentChannelCount: latentChannels, blockCount: blockCount)
    let factor = model.downsamplingFactor
    guard imageSize.isMultiple(of: factor) else {
      throw UsageError(
        "--image-size \(imageSize): must be a multiple of the autoencoder's factor, \(factor)")
    }
    ProcessMemory.prepare()
    try useThreads(threads)
    let device = try DeviceSelection.openDevice(device)
    let folder = try ImageFolder(dataPath)
    folder.findings.forEach { note($0.description) }
    let trainer = try AutoencoderTrainer(
      model, config: training, data: try data(folder), stepCount: maxSteps, device: device)
    let size = imageSize / factor
    note(
      "\(Amount.of(folder.count, "image")) to latents of \(latentChannels) x \(size) x \(size);"
        + " \(trainer.weights.reduce(0) { $0 + $1.tensor.count }) parameters, on \(device)")
    let run = try AutoencoderRun(
      trainer, in: runPath, fingerprint: fingerprint(folder, device), resumes: resumes)
    if resumes { note("resumed at step \(trainer.step)") }
    guard trainer.step <= maxSteps else {
      throw UsageError(
        "--max-steps \(maxSteps): the run has taken \(trainer.step) steps already; give at least as"
          + " many")
    }
    if resumes, trainer.step == maxSteps {
      note("the run has taken its \(maxSteps) steps already: raise --max-steps")
    }
    try AtomicFile.write(SettingsText(self).yaml, to: runPath + "/" + Self.settingsName)
    try loop(run, outputPath, shown: shown(folder))
    try StandardOutput.write(outputPath)
  }

  static func runFolder(_ values: [String: String]) -> String? {
    values["output-path"].map(runFolder(of:))
  }

  /// None: the folder is found by --output-path alone.
  static func options(of folder: String, _ values: [String: String]) -> [(String, String)] { [] }

  private static func runFolder(of file: String) -> String { file + ".run" }

  /// Checks that no result is lost; gives whether there is a run to resume.
  private func checkOutput(_ file: String, _ run: String) throws -> Bool {
    let isBegun = AutoencoderRun.isBegun(in: run)
    let isThere = FileManager.default.fileExists(atPath: file)
    guard !resume || !force else { throw UsageError("--resume contradicts --force") }
    if resume, isBegun { return true }
    guard force || !isBegun else {
      throw UsageError(
        "'\(run)' holds a run: go on with --resume, and more --max-steps if it has ended; begin anew"
          + " with --force, or choose another --output-path")
    }
    guard force || !isThere else {
      throw UsageError(
        "'\(file)' is there already" + (resume ? ", and no state to resume from in '\(run)'" : "")
          + "; choose another name, or give --force")
    }
    if resume { note("no state to resume from in '\(run)': the run begins anew") }
    return false
  }

  /// The images whose reconstructions are drawn, from all over the folder.
  private func shown(_ folder: ImageFolder) -> [RGBImage] {
    let count = min(folder.count, 8)
    return (0..<count).compactMap { index in
      try? RGBImage(contentsOf: folder.path(at: index * folder.count / count), croppedTo: imageSize)
    }
  }

  /// What a resumed run must agree on.
  private func fingerprint(_ folder: ImageFolder, _ device: Device) -> [String: String] {
    [
      "widths": widths.defaultValueDescription, "block_count": "\(blockCount)",
      "latent_channels": "\(latentChannels)", "image_size": "\(imageSize)",
      "images": "\(folder.count)", "train_batch_size": "\(trainBatchSize)", "seed": "\(seed)",
      "horizontal_flip": "\(horizontalFlip)", "device": device.type,
    ]
  }

  private var training: AutoencoderTrainingConfig {
    var config = AutoencoderTrainingConfig()
    config.batchSize = trainBatchSize
    config.seed = seed
    config.schedule = LearningRateSchedule(
      .cosine, start: startLearningRate, end: endLearningRate, warmupCount: warmupSteps)
    config.optimizer.emaDecay = emaDecay
    config.optimizer.emaWarmsUp = true
    return config
  }

  private func data(_ folder: ImageFolder) throws -> FolderData {
    var options = BatchLoaderOptions(imageSize: imageSize, globalBatchSize: trainBatchSize)
    options.seed = seed
    options.mirrors = horizontalFlip
    options.workerCount = numParallelWorkers
    options.dropsLast = folder.count >= trainBatchSize
    return try FolderData(
      folder, options: options, microBatchSize: trainBatchSize, classNames: folder.classNames,
      hasPosterior: false
    ) { note("\($0.reason); left out") }
  }

  private func loop(_ run: AutoencoderRun, _ path: String, shown: [RGBImage]) throws {
    let trainer = run.trainer
    let progress = Progress("Training", count: maxSteps, from: trainer.step)
    defer { progress.finish() }
    var savedStep = -1
    while trainer.step < maxSteps {
      let report = try run.takeStep()
      progress.update(
        report.step,
        detail: String(format: "loss %.4f  PSNR %.1f dB", report.loss, report.signalToNoise))
      let isStopped = Interrupt.isRequested
      if report.step.isMultiple(of: saveInterval) || isStopped {
        try save(run, path, shown)
        savedStep = report.step
      }
      if isStopped {
        progress.finish()
        note(
          "Wrote '\(path)' after \(Amount.of(report.step, "step")) of \(maxSteps); --resume goes on"
            + " from there.")
        try Interrupt.check()
      }
    }
    if savedStep < trainer.step { try save(run, path, shown) }
  }

  /// Saves the state, and writes the file and the reconstructions.
  private func save(_ run: AutoencoderRun, _ path: String, _ shown: [RGBImage]) throws {
    try run.save()
    try CheckpointWriter.write(run.trainer.weights, as: .safetensors, to: path)
    if !shown.isEmpty { try run.drawReconstructions(of: shown) }
  }
}

/// Comma-separated channel counts.
struct WidthList: ExplainedArgument {
  static let expectation = "comma-separated whole numbers, such as 24,48,64"
  let values: [Int]

  init(_ values: [Int]) { self.values = values }

  init?(argument: String) {
    var text = argument.trimmingCharacters(in: .whitespaces)
    if text.hasPrefix("["), text.hasSuffix("]") { text = String(text.dropFirst().dropLast()) }
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    let values = parts.compactMap { Int($0.trimmingCharacters(in: .whitespaces)) }
    guard values.count == parts.count else { return nil }
    self.init(values)
  }

  var defaultValueDescription: String { values.map(String.init).joined(separator: ",") }
}
