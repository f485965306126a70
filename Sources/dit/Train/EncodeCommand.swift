internal import ArgumentParser
internal import ImageData
internal import Logging
internal import Parallel
internal import Pipeline
internal import Torch
internal import Training

/// `dit encode`
struct EncodeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "encode", abstract: "Encode a folder of images with an autoencoder, once.",
    discussion: """
      Training on the result equals training on the folder, but needs neither image decoding nor the \
      autoencoder. The result is a folder of safetensors files with the moments of each image and of \
      its mirror image, in float32, and a manifest.

        dit encode --data-path imagenet/train \\
          --vae-checkpoint sd-vae-ft-mse.safetensors --output-path latents
        dit train --data-path latents --model-name DiT-B/4 --output-path runs/b4

      After Ctrl-C or a failure, the same command continues. Several processes may run it at the same \
      time and share the work; --workers starts them. Unreadable images are left out, up to 1 % \
      (or 5 of a small set).
      """)

  @Option(name: [.short, .long], help: "A YAML file of options.", completion: .file()) var config:
    String?
  @Option(
    help: "A folder of class folders with images, or of images with image_caption.csv.",
    completion: .file())
  var dataPath: String?
  @Option(help: "The autoencoder's file, or the folder of its two halves.", completion: .file())
  var vaeCheckpoint: String?
  @Option(help: "Height and width of images in pixels.") var imageSize = 256
  @Option(help: "The folder for the result.", completion: .file()) var outputPath: String?
  @Option(help: "Images encoded at a time.") var batchSize = 8
  @Option(help: "Images per file.") var shardSize = 1024
  @Option(help: "Encode mirror images too.") var horizontalFlip = true
  @Option(help: "Shrink large JPEG files while decoding them: faster, other roundings.")
  var reduceWhileDecoding = false
  @Option(help: "Number format of the moments.") var dtype = MomentFormat.fp32
  @Option(help: "Threads that decode images.") var numParallelWorkers = 2
  @Option(help: "auto, cpu, cuda or cuda:N.") var device = "auto"
  @Option(help: "CPU threads (default: one per core).") var threads: Int?
  @OptionGroup(title: "Several processes") var parallel: ParallelOptions

  func validate() throws {
    try Bounds.imageSizes.check(imageSize, "--image-size")
    try Bounds.batchSizes.check(batchSize, "--batch-size")
    try Bounds.counts.check(shardSize, "--shard-size")
    try Bounds.threadCounts.check(numParallelWorkers, "--num-parallel-workers")
    try Bounds.threadCounts.check(threads, "--threads")
  }

  func run() throws {
    ProcessMemory.prepare()
    guard let dataPath else { throw UsageError("the images are missing: give --data-path FOLDER") }
    guard let outputPath else {
      throw UsageError("where to write is missing: give --output-path FOLDER")
    }
    guard let vaeCheckpoint else {
      throw UsageError("the autoencoder is missing: give --vae-checkpoint FILE")
    }
    guard vaeCheckpoint.lowercased() != "none" else {
      throw UsageError(
        "--vae-checkpoint none: without an autoencoder there is nothing to encode; train on the"
          + " folder itself")
    }
    var settings = EncodingSettings(
      imagePath: dataPath, autoencoderPath: vaeCheckpoint, outputPath: outputPath)
    settings.imageSize = imageSize
    settings.mirrors = horizontalFlip
    settings.reducesWhileDecoding = reduceWhileDecoding
    settings.usesFloat16 = dtype == .fp16
    settings.shardSize = shardSize
    settings.batchSize = batchSize
    settings.workerCount = numParallelWorkers
    try useThreads(threads)
    try parallel.run { ranks in
      let named = try DeviceSelection.openDevice(device)
      let device = ranks?.localDevice(named) ?? named
      let builder = try LatentCacheBuilder(settings, device: device, logger: .notes(of: ranks))
      try build(builder, device, ranks)
    }
  }

  private func build(
    _ builder: LatentCacheBuilder, _ device: Device, _ ranks: RankGroup?
  ) throws {
    // One process speaks for all, except about images that cannot be read.
    func say(_ text: String) { if ranks.isRankZero { note(text) } }
    let settings = builder.settings
    let count = settings.imageCount
    let classes = TrainSummary.classes(
      settings.classCount, isNamed: !settings.classNames.isEmpty)
    say(
      "\(Amount.of(count, "image")), \(classes), \(settings.autoencoderName),"
        + " latents of \(settings.latentShape.map(String.init).joined(separator: " x ")),"
        + " \(settings.elementType) in \(Amount.of(settings.shardCount, "shard")), on \(device)")
    let progress = Progress("Encoding", count: count, unit: "image")
    defer { progress.finish() }
    var done = 0
    var waiting = Waiting()
    do {
      let manifest = try builder.build { event in
        try RankGroup.checkStop(ranks)
        try ranks?.enter(.encode, step: done)
        switch event {
        case .progress(let count):
          guard count > done else { return }
          done = count
          if ranks.isRankZero { progress.update(count) }
        case .broken(let image):
          progress.finish()
          note("\(image.reason); left out")
        case .waiting(let claim, let owner):
          guard waiting.isNews(claim) else { return }
          progress.finish()
          say("waiting for \(owner); if that is no more, remove '\(claim)'")
        }
      }
      progress.finish()
      let broken = manifest.shards.reduce(0) { $0 + $1.broken.count }
      let bytes = manifest.shards.reduce(0) { $0 + $1.byteCount }
      say(
        Amount.of(count - broken, "image")
          + (broken > 0 ? ", \(broken) left out that cannot be read" : "")
          + ", \(Amount.bytes(bytes))")
      if let outputPath, ranks.isRankZero { try StandardOutput.write(outputPath) }
    } catch let stop as Interrupted {
      progress.finish()
      say("The same command goes on from here.")
      throw stop
    }
  }
}

/// Tells when waiting for a claim is worth a note.
private struct Waiting {
  private var claim: String?
  private var start = ContinuousClock.now
  private var isTold = false

  /// Other processes often hold a claim for a moment.
  private static let patience = Duration.seconds(5)

  /// Whether to tell about a claim now: once, after some seconds.
  mutating func isNews(_ claim: String) -> Bool {
    if claim != self.claim { (self.claim, start, isTold) = (claim, .now, false) }
    guard !isTold, ContinuousClock.now - start > Waiting.patience else { return false }
    isTold = true
    return true
  }
}

/// The number formats of a cache of latents.
enum MomentFormat: String, NumberFormatArgument, CaseIterable {
  case fp32
  case fp16
}
