internal import Checkpoint
internal import Files
internal import Torch

/// A finished cache of latents, over mapped files.
public final class LatentCache {
  /// The folder.
  public let path: String
  /// The table of contents.
  public let manifest: LatentCacheManifest

  private let shards: [Checkpoint]
  private let moments: [[Tensor]]
  private let labels: [[Int]]

  /// The classes that have images.
  var classesWithImages: Set<Int> { Set(labels.joined()) }
  private let broken: Set<Int>

  /// Opens a cache and compares each of its files with the manifest.
  ///
  /// - Parameters:
  ///   - path: the folder.
  ///   - afterEach: called with the number of files compared so far; may throw to stop.
  /// - Throws: `TrainingError` that names the missing or damaged file; `FileError`.
  public init(_ path: String, afterEach: (Int) throws -> Void = { _ in }) throws {
    let manifest = try LatentCacheManifest(path)
    let settings = manifest.settings
    var (shards, moments, labels): ([Checkpoint], [[Tensor]], [[Int]]) = ([], [], [])
    for (index, shard) in manifest.shards.enumerated() {
      try shard.check(path, index)
      let checkpoint = try Checkpoint.open(
        LatentCacheManifest.shardPath(path, index), weights: .all)
      moments.append(
        try settings.momentNames.map {
          try checkpoint.tensor($0, [shard.rowCount] + settings.latentShape, settings.dtype)
        })
      let classes = try checkpoint.tensor("labels", [shard.rowCount], .int64).elements(Int.self)
      guard classes.allSatisfy((0..<settings.classCount).contains) else {
        throw TrainingError(
          .cacheInconsistent, "'\(checkpoint.path)' has labels beyond the classes")
      }
      labels.append(classes)
      shards.append(checkpoint)
      try afterEach(index + 1)
    }
    self.path = path
    self.manifest = manifest
    self.shards = shards
    self.moments = moments
    self.labels = labels
    broken = Set(manifest.shards.flatMap { $0.broken.map(\.image) })
  }

  /// Whether an image was unreadable and has no row.
  func isBroken(_ image: Int) -> Bool { broken.contains(image) }

  /// Copies the rows of some images, which must be readable.
  ///
  /// - Parameter images: their numbers in the folder, and whether each is mirrored.
  /// - Returns: the moments, `[N, c, h, w]` in float32, and the classes.
  func rows(
    _ images: [(number: Int, isMirrored: Bool)]
  ) -> (mean: Tensor, logVariance: Tensor?, labels: [Int]) {
    let settings = manifest.settings
    let width = settings.hasLogVariance ? 2 : 1
    var parts: [[Tensor]] = Array(repeating: [], count: width)
    var classes: [Int] = []
    for (number, isMirrored) in images {
      let shard = number / settings.shardSize
      let before = manifest.shards[shard].broken.prefix { $0.image < number }.count
      let row = number - shard * settings.shardSize - before
      let first = isMirrored ? width : 0
      for kind in 0..<width { parts[kind].append(moments[shard][first + kind][row..<row + 1]) }
      classes.append(labels[shard][row])
    }
    let tensors = parts.map { concatenated($0).to(.float32) }
    return (tensors[0], width == 2 ? tensors[1] : nil, classes)
  }
}

extension Checkpoint {
  /// A tensor that must exist in this shape and type.
  fileprivate func tensor(_ name: String, _ shape: [Int], _ dtype: DType) throws -> Tensor {
    guard let tensor = tensor(name), tensor.shape == shape, tensor.dtype == dtype else {
      throw TrainingError(
        .cacheInconsistent, "'\(path)' has no tensor '\(name)' of shape \(shape)")
    }
    return tensor
  }
}

extension LatentCacheManifest.Shard {
  /// Describes a file that was just written.
  init(_ file: String, rowCount: Int, broken: [LatentCacheManifest.BrokenRow]) throws {
    let bytes = try MappedFile(file)
    firstRow = 0
    self.rowCount = rowCount
    byteCount = bytes.bytes.count
    crc32 = CRC32.text(withExtendedLifetime(bytes) { CRC32.checksum(bytes.bytes) })
    self.broken = broken
  }

  /// Compares a shard's file with the manifest.
  ///
  /// - Throws: `TrainingError` that names the file.
  func check(_ folder: String, _ index: Int) throws {
    let path = LatentCacheManifest.shardPath(folder, index)
    let file: LatentCacheManifest.Shard
    do {
      file = try LatentCacheManifest.Shard(path, rowCount: rowCount, broken: broken)
    } catch let error as FileError {
      throw TrainingError(.cacheIncomplete, error.message)
    }
    guard file.byteCount == byteCount else {
      throw TrainingError(
        .cacheIncomplete,
        "'\(path)' is damaged: it has \(file.byteCount) bytes and the manifest says \(byteCount)")
    }
    guard file.crc32 == crc32 else {
      throw TrainingError(
        .cacheIncomplete, "'\(path)' is damaged: its checksum is not the manifest's")
    }
  }
}
