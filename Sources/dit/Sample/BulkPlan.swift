internal import Files
internal import Foundation
internal import Torch

/// Many images for one file: their classes and seeds, and the blocks in which they are made.
///
/// Image i has the class `labels[i]` and the seed `seed + i`; neither that nor its block depends on how
/// many processes work.
struct BulkPlan {
  /// The class of each image.
  let labels: [Int]
  /// Images that are made at a time.
  let blockSize: Int
  /// Height and width in pixels.
  let imageSize: Int
  /// The folder of the blocks until all are there.
  let folder: String

  private let seed: UInt64

  /// A plan.
  ///
  /// - Parameters:
  ///   - path: the file to be.
  ///   - count: how many images.
  ///   - labels: classes that images take in turn; nil to draw each from all.
  ///   - classCount: how many classes there are.
  ///   - blockSize: images at a time.
  ///   - imageSize: height and width in pixels.
  ///   - seed: of the first image, and of the drawn classes.
  /// - Throws: `TorchError` if there is no generator.
  init(
    _ path: String, count: Int, labels: [Int]?, classCount: Int, blockSize: Int, imageSize: Int,
    seed: UInt64
  ) throws {
    if let labels {
      self.labels = (0..<count).map { labels[$0 % labels.count] }
    } else {
      self.labels = Tensor.randint(
        0..<classCount, [count], generator: try Generator(seed: seed)
      ).elements(Int.self)
    }
    self.blockSize = min(blockSize, count)
    self.imageSize = imageSize
    self.seed = seed
    folder = BulkPlan.folder(of: path)
  }

  /// The folder of the blocks of a file to be.
  static func folder(of path: String) -> String { path + ".parts" }

  /// Where it stands how a file was made: `samples.json` beside `samples.npz`.
  static func record(of path: String) -> String {
    (path.hasSuffix(".npz") ? String(path.dropLast(".npz".count)) : path) + ".json"
  }

  /// How many blocks there are.
  var blockCount: Int { (labels.count + blockSize - 1) / blockSize }

  /// The images of a block.
  func images(of block: Int) -> Range<Int> {
    block * blockSize..<min((block + 1) * blockSize, labels.count)
  }

  /// The seed of an image.
  func seed(of image: Int) -> UInt64 { seed &+ UInt64(image) }

  /// Where a block's pixels go.
  func file(of block: Int) -> String { folder + String(format: "/block-%07d.rgb", block) }

  /// Where all blocks are joined, so that what a kill leaves of it goes with the folder.
  var joinedFile: String { folder + "/joined.npz" }

  /// Whether a block is there.
  func isDone(_ block: Int) -> Bool { Folder.hasFile(file(of: block)) }

  /// Makes the folder for the blocks, or checks that those in it are of the same plan.
  ///
  /// - Parameter settings: what decides the pixels, by option.
  /// - Returns: that this job alone works in the folder, for as long as it is kept.
  /// - Throws: `UsageError` if they are not, or another job works there; `FileError`.
  func prepare(_ settings: [String: String]) throws -> FolderLock {
    try Folder.make(folder)
    do {
      let lock = try FolderLock(folder)
      try check(settings)
      return lock
    } catch let error as FileError where error.reason == .inUse {
      throw UsageError("\(error.message): wait for it, stop it, or choose another --npz")
    }
  }

  private func check(_ settings: [String: String]) throws {
    let path = folder + "/plan.json"
    if let data = FileManager.default.contents(atPath: path) {
      let earlier = (try? JSONDecoder().decode([String: String].self, from: data)) ?? [:]
      let differing = settings.keys.filter { settings[$0] != earlier[$0] }.sorted()
      guard differing.isEmpty else {
        let list = differing.map {
          "\($0) \(earlier[$0] ?? "missing") there, \(settings[$0] ?? "") here"
        }
        throw UsageError(
          "'\(folder)' was begun with other settings (\(list.joined(separator: "; "))): give those,"
            + " or remove it")
      }
      return
    }
    // Blocks without their plan may be of any: those of a process that was killed while it removed them.
    for block in 0..<blockCount { unlink(file(of: block)) }
    try AtomicFile.write(try JSON.line(settings) + "\n", to: path)
  }
}
