internal import Checkpoint
public import Files
internal import Foundation
public import ImageData

/// A `.npz` file of a job's images: pixels as `arr_0`, `[N, H, W, 3]` in uint8, and classes as `arr_1`,
/// `[N]` in int64.
///
/// Source of the format: the evaluation suite of Dhariwal & Nichol 2021.
public struct ImageArchive: ImageOutput {
  /// The file.
  public let path: String
  private let unfinished: UnfinishedJob

  /// An archive at a path.
  public init(_ path: String) {
    self.path = path
    unfinished = UnfinishedJob(of: path)
  }

  /// `samples.json` for `samples.npz`.
  public var recordPath: String {
    (path.hasSuffix(".npz") ? String(path.dropLast(".npz".count)) : path) + ".json"
  }

  /// Whether the file is there already.
  public var exists: Bool { Folder.hasFile(path) }

  /// Whether a job has begun here and not finished.
  public var isBegun: Bool { unfinished.exists }

  /// Takes the file for a job.
  public func begin(_ plan: ImagePlan, _ settings: [String: String]) throws -> FolderLock {
    try unfinished.begin(settings) {
      for batch in 0..<plan.batchCount { unlink(file(of: batch)) }
    }
  }

  /// Removes the work folder, if no batch is there yet.
  public func abandon(_ plan: ImagePlan) {
    guard !hasImages(of: plan) else { return }
    try? unfinished.remove()
  }

  /// Whether all images of a batch are there.
  public func hasBatch(_ batch: Int, of plan: ImagePlan) -> Bool {
    Folder.hasFile(file(of: batch))
  }

  /// Writes a batch as a file of pixels, which `finish` joins with the others.
  public func write(
    _ images: [ImageJob.Image], of plan: ImagePlan, texts: (ImageJob.Image) throws -> [PNGText]
  ) throws {
    guard let first = images.first else { return }
    try images.flatMap(\.pixels.pixels).withUnsafeBytes {
      try AtomicFile.write(contentsOf: $0, to: file(of: first.index / plan.batchSize))
    }
  }

  /// Joins the batches.
  public func finish(_ plan: ImagePlan, record: String) throws {
    let size = plan.imageSize
    // In the folder, so that it goes with it if the program is killed.
    let joined = unfinished.path + "/joined.npz"
    try NumPyArchive.write(
      [
        .init(
          "arr_0", shape: [plan.labels.count, size, size, 3],
          files: (0..<plan.batchCount).map { file(of: $0) }),
        .init("arr_1", plan.labels.map { Int64($0) }),
      ], to: joined)
    // First: after a kill between the two the same job goes on.
    try AtomicFile.write(record, to: recordPath)
    try AtomicFile.move(joined, to: path)
    try unfinished.remove()
  }

  private func file(of batch: Int) -> String {
    unfinished.path + String(format: "/block-%07d.rgb", batch)
  }
}
