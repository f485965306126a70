internal import ArgumentParser
internal import Foundation
internal import ImageData
internal import Models
internal import Parallel
internal import Pipeline
internal import Torch
internal import Training

/// `dit encode`
struct EncodeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "encode", abstract: "Put a folder of images through an autoencoder once.",
    discussion: """
      Training on the result is the same as on the folder, without decoding images and without the \
      autoencoder. The result has float32 moments of each image and of its mirror image, in \
      safetensors files, and a manifest.

        dit encode --data-path imagenet/train \\
          --vae-checkpoint sd-vae-ft-mse.safetensors --output-path latents
        dit train --data-path latents --model-name DiT-B/4 --output-path runs/b4

      After Ctrl-C or a failure the same command goes on. Several processes may run it at a time and \
      share the work, and --workers starts some. Images that cannot be read are left out, up to 1 %.
      """)

  @Option(name: [.short, .long], help: "A YAML file of options.") var config: String?
  @Option(help: "A folder of class folders with images, or of images with image_caption.csv.")
  var dataPath: String?
  @Option(help: "The autoencoder's file, or the folder of its two halves.")
  var vaeCheckpoint: String?
  @Option(help: "Height and width of images in pixels.") var imageSize = 256
  @Option(help: "The folder for the result.") var outputPath: String?
  @Option(help: "Images that are encoded at a time.") var batchSize = 8
  @Option(help: "Images of a file.") var shardSize = 1024
  @Option(help: "Encode mirror images too.") var horizontalFlip = true
  @Option(help: "Let large JPEG files shrink while they are decoded: faster, other roundings.")
  var reduceWhileDecoding = false
  @Option(help: "Number format of the moments.") var dtype = MomentFormat.fp32
  @Option(help: "Threads that decode images.") var numParallelWorkers = 2
  @Option(help: "auto, cpu, cuda or cuda:N.") var device = "auto"
  @Option(help: "Processor threads (default: one a core).") var threads: Int?
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
    try useThreads(threads)
    try parallel.run { ranks in
      let folder = try ImageFolder(dataPath)
      if ranks.isRankZero { folder.findings.forEach { note($0.description) } }
      try checkApart(outputPath, from: folder.path)
      let named = try DeviceSelection.openDevice(device)
      let device = ranks?.localDevice(named) ?? named
      let (autoencoder, settings) = try prepare(folder, vaeCheckpoint, device)
      try build(outputPath, folder, autoencoder, settings, device, ranks)
    }
  }

  /// A folder among the images would be a class the next time.
  private func checkApart(_ output: String, from images: String) throws {
    let paths = [output, images].map {
      URL(filePath: $0).standardizedFileURL.resolvingSymlinksInPath().path + "/"
    }
    guard !paths[0].hasPrefix(paths[1]) else {
      throw UsageError("--output-path \(output): lies among the images; choose another folder")
    }
  }

  private func prepare(
    _ folder: ImageFolder, _ path: String, _ device: Device
  ) throws -> (any Autoencoder, LatentCacheSettings) {
    let (autoencoder, state) = try TrainSource.encoder(path, device)
    let factor = autoencoder.downsamplingFactor
    guard imageSize.isMultiple(of: factor) else {
      throw UsageError(
        "--image-size \(imageSize): must be a multiple of the autoencoder's factor, \(factor)")
    }
    var settings = LatentCacheSettings(
      folder, imageSize: imageSize, codec: LatentCodec(autoencoder), kind: state.kind,
      checksum: state.encoderChecksum)
    settings.hasMirrored = horizontalFlip
    if reduceWhileDecoding { settings.reducesWhileDecoding = true }
    settings.elementType = dtype.rawValue
    settings.shardSize = shardSize
    return (autoencoder, settings)
  }

  private func build(
    _ path: String, _ folder: ImageFolder, _ autoencoder: any Autoencoder,
    _ settings: LatentCacheSettings, _ device: Device, _ ranks: RankGroup?
  ) throws {
    // One process speaks for all, but for images that cannot be read.
    func say(_ text: String) { if ranks.isRankZero { note(text) } }
    let classes = TrainSource.classText(
      count: folder.classCount, isNamed: !folder.classNames.isEmpty)
    say(
      "\(Amount.of(folder.count, "image")), \(classes), \(settings.autoencoderName),"
        + " latents of \(settings.latentShape.map(String.init).joined(separator: " x ")),"
        + " \(settings.elementType) in \(Amount.of(settings.shardCount, "shard")), on \(device)")
    var options = LatentCacheBuilder.Options()
    options.batchSize = batchSize
    options.workerCount = numParallelWorkers
    let progress = Progress("Encoding", count: folder.count, unit: "image")
    var done = 0
    var waiting = Waiting()
    let builder = LatentCacheBuilder(
      path, folder: folder, autoencoder: autoencoder, settings: settings, options: options,
      device: device
    ) { event in
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
    defer { progress.finish() }
    do {
      let manifest = try builder.build()
      progress.finish()
      let broken = manifest.shards.reduce(0) { $0 + $1.broken.count }
      let bytes = manifest.shards.reduce(0) { $0 + $1.byteCount }
      say(
        Amount.of(folder.count - broken, "image")
          + (broken > 0 ? ", \(broken) left out that cannot be read" : "")
          + ", \(Amount.bytes(bytes))")
      if ranks.isRankZero { print(path) }
    } catch let stop as Interrupted {
      progress.finish()
      say("The same command goes on from here.")
      throw stop
    }
  }
}

/// What is waited for, and whether that is worth a line.
private struct Waiting {
  private var claim: String?
  private var start = ContinuousClock.now
  private var isTold = false

  /// Another process often holds a claim for a moment.
  private static let patience = Duration.seconds(5)

  /// Whether to tell of a claim now: once, after some seconds.
  mutating func isNews(_ claim: String) -> Bool {
    if claim != self.claim { (self.claim, start, isTold) = (claim, .now, false) }
    guard !isTold, ContinuousClock.now - start > Waiting.patience else { return false }
    isTold = true
    return true
  }
}

/// The number formats of a cache of latents.
enum MomentFormat: String, ExpressibleByArgument, CaseIterable {
  case fp32
  case fp16

  /// Its name, or the name in other programs.
  init?(argument: String) {
    let known = ["float32": "fp32", "float16": "fp16"]
    let name = argument.lowercased()
    self.init(rawValue: known[name] ?? name)
  }
}
