internal import Checkpoint
internal import Files
internal import Foundation
public import ImageData
public import Models
public import Torch

/// Encodes a folder of images once, and keeps the latents in shards.
///
/// Several processes may work on one cache: each claims the shards that it makes. Finished shards are
/// kept, so interrupted work can continue. The bytes depend on neither.
public final class LatentCacheBuilder {
  /// How the work is done; it changes the content by rounding at most.
  public struct Options: Sendable {
    /// Images that are encoded at a time, above 0.
    public var batchSize = 8
    /// Threads that decode images, above 0.
    public var workerCount = 2

    /// Options with these defaults.
    public init() {}
  }

  /// An event during the work.
  public enum Event {
    /// The number of images done so far, by all processes.
    case progress(Int)
    /// An image cannot be read.
    case broken(BrokenImage)
    /// Only shards are left that another process has claimed: the file of one claim, and its owner.
    case waiting(claim: String, owner: String)
  }

  /// What the cache will hold.
  public let settings: LatentCacheSettings

  private let path: String
  private let folder: ImageFolder
  private let autoencoder: any Autoencoder
  private let options: Options
  private let device: Device
  private var handle: (Event) throws -> Void = { _ in }
  private var shards: [Int: LatentCacheManifest.Shard] = [:]
  private var doneCount = 0
  private var brokenCount = 0

  /// A builder; nothing is written yet.
  ///
  /// - Parameters:
  ///   - path: the cache's folder.
  ///   - folder: the images.
  ///   - autoencoder: with an encoder.
  ///   - settings: what the cache will hold.
  ///   - options: how the work is done.
  ///   - device: of the autoencoder.
  public init(
    _ path: String, folder: ImageFolder, autoencoder: any Autoencoder,
    settings: LatentCacheSettings, options: Options, device: Device
  ) {
    self.path = path
    self.folder = folder
    self.autoencoder = autoencoder
    self.settings = settings
    self.options = options
    self.device = device
  }

  /// Makes the missing shards, and waits for those of other processes.
  ///
  /// - Parameter handle: called for each event, while waiting and while images are encoded; may throw
  ///   to stop.
  /// - Returns: the manifest.
  /// - Throws: `TrainingError` if the folder holds a cache of other settings or too many images
  ///   cannot be read; `FileError`; `TorchError`; what `handle` throws.
  public func build(
    _ handle: @escaping (Event) throws -> Void
  ) throws -> LatentCacheManifest {
    self.handle = handle
    defer { self.handle = { _ in } }
    try Folder.make(path)
    try withClaim { try agree() }
    while shards.count < settings.shardCount {
      var isIdle = true
      for index in 0..<settings.shardCount where shards[index] == nil {
        guard let claim = try LockFile(claimPath(index)) else { continue }
        defer { claim.release() }
        let shard = try finished(index) ?? make(index)
        shards[index] = shard
        isIdle = false
        doneCount += settings.images(of: index).count
        brokenCount += shard.broken.count
        try handle(.progress(doneCount))
      }
      if isIdle, let index = (0..<settings.shardCount).first(where: { shards[$0] == nil }) {
        try wait(for: claimPath(index))
      }
    }
    return try withClaim { try finish() }
  }

  private func claimPath(_ index: Int) -> String { claimPath(String(format: "shard-%05d", index)) }
  private func claimPath(_ name: String) -> String { path + "/" + name + ".lock" }
  private var planPath: String { path + "/" + LatentCacheManifest.planFileName }
  private var manifestPath: String { path + "/" + LatentCacheManifest.fileName }

  /// The file that describes a shard until the manifest is written.
  private func notePath(_ index: Int) -> String {
    path + String(format: "/shard-%05d.json", index)
  }

  /// Runs `body` while no other process changes the plan or the manifest.
  private func withClaim<Result>(_ body: () throws -> Result) throws -> Result {
    let path = claimPath("cache")
    while true {
      if let claim = try LockFile(path) {
        defer { claim.release() }
        return try body()
      }
      try wait(for: path)
    }
  }

  private func wait(for claim: String) throws {
    if let owner = LockFile.owner(of: claim) {
      try handle(.waiting(claim: claim, owner: owner.description))
    } else {
      // It was released just now, or its owner has not written its name yet.
      try handle(.progress(doneCount))
    }
    usleep(200_000)
  }

  /// Checks that all processes, now and before, have the same settings; the first writes them.
  private func agree() throws {
    var earlier: LatentCacheSettings?
    if LatentCacheManifest.isCache(path) {
      earlier = try LatentCacheManifest(path).settings
    } else if Folder.hasFile(planPath) {
      earlier = try JSONFile.read(planPath)
    }
    guard let earlier else { return try JSONFile.write(settings, to: planPath) }
    let differences = settings.differences(from: earlier)
    guard differences.isEmpty else {
      throw TrainingError(
        .otherCache, "'\(path)' holds another cache: \(differences.joined(separator: "; "))")
    }
  }

  /// The description of a finished shard; nil if it must be made.
  private func finished(_ index: Int) throws -> LatentCacheManifest.Shard? {
    // A note is removed only after a manifest was written.
    var shard: LatentCacheManifest.Shard? = try? JSONFile.read(notePath(index))
    if shard == nil, LatentCacheManifest.isCache(path) {
      shard = try LatentCacheManifest(path).shards[index]
    }
    guard let shard, (try? shard.check(path, index)) != nil else { return nil }
    return shard
  }

  private func make(_ index: Int) throws -> LatentCacheManifest.Shard {
    let names = settings.momentNames
    var moments = names.map { _ in [Tensor.empty([0] + settings.latentShape, dtype: settings.dtype)]
    }
    var labels: [Int] = []
    var broken: [LatentCacheManifest.BrokenRow] = []
    let reader = ImageRangeReader(
      folder, settings.images(of: index), imageSize: settings.imageSize,
      reducesWhileDecoding: settings.reducesWhileDecoding ?? false, partSize: options.batchSize,
      workerCount: options.workerCount)
    while let part = reader.next() {
      for (number, image) in part.broken.sorted(by: { $0.key < $1.key }) {
        broken.append(.init(image: number, file: folder.relativePath(at: number)))
        try handle(.broken(image))
        try checkLimit(brokenCount + broken.count)
      }
      if !part.numbers.isEmpty {
        let count = doneCount + labels.count + broken.count
        let results = try encode(part) { try handle(.progress(count)) }
        for (index, tensor) in results.enumerated() { moments[index].append(tensor) }
        labels += part.numbers.map { folder.label(at: $0) }
      }
      try handle(.progress(doneCount + labels.count + broken.count))
    }
    let file = LatentCacheManifest.shardPath(path, index)
    try CheckpointWriter.write(
      zip(names, moments).map { ($0, concatenated($1)) } + [("labels", Tensor(labels))], to: file)
    let shard = try LatentCacheManifest.Shard(file, rowCount: labels.count, broken: broken)
    try JSONFile.write(shard, to: notePath(index))
    return shard
  }

  /// The moments of images in the order of `momentNames`, on the processor; `check` may throw to stop.
  private func encode(
    _ part: ImageRangeReader.Part, check: () throws -> Void
  ) throws -> [Tensor] {
    let size = settings.imageSize
    let pixels = Tensor(part.pixels, shape: [part.numbers.count, size, size, 3])
    let images = RGBImage.modelInput(pixels).to(device)
    let result = try withTorchErrors {
      try withoutGradients {
        try (settings.hasMirrored ? [images, images.flipped(axes: [3])] : [images]).flatMap {
          let latents = try autoencoder.encode($0, check: check)
          return [latents.mean, latents.logVariance].compactMap {
            $0?.to(settings.dtype).to(.cpu).contiguous
          }
        }
      }
    }
    guard result.allSatisfy({ $0.isFinite.allTrue }) else {
      throw TrainingError(
        .latentsNotFinite(isFloat16: settings.dtype == .float16),
        "latents of '\(folder.path(at: part.numbers[0]))' or an image after it are not finite")
    }
    return result
  }

  private func checkLimit(_ count: Int) throws {
    guard count > folder.brokenImageLimit else { return }
    throw TrainingError(folder.tooManyBroken(count, reasons: []))
  }

  /// Writes the manifest, and removes the files that it replaces.
  private func finish() throws -> LatentCacheManifest {
    try checkLimit(brokenCount)
    let manifest = LatentCacheManifest(
      settings, (0..<settings.shardCount).compactMap { shards[$0] })
    try JSONFile.write(manifest, to: manifestPath)
    for index in 0..<settings.shardCount { unlink(notePath(index)) }
    unlink(planPath)
    return manifest
  }
}
