public import Files
internal import Foundation
public import ImageData

/// A folder of a job's images as PNG files, named by number and class: `000012-class-207.png`.
public struct NumberedImages: ImageOutput {
  /// The folder.
  public let path: String
  private let replacesImages: Bool
  private let unfinished: UnfinishedJob
  /// The folders that were not there before.
  private let missing: [String]

  /// A folder at a path; it need not be there.
  ///
  /// - Parameters:
  ///   - path: the folder.
  ///   - replacesImages: whether a new job may remove the images of a finished one.
  public init(_ path: String, replacesImages: Bool = false) {
    self.path = Folder.withoutTrailingSlashes(path)
    self.replacesImages = replacesImages
    missing = Folder.missing(self.path)
    unfinished = UnfinishedJob(of: Folder.named(path))
  }

  /// `samples.json` in the folder.
  public var recordPath: String { path + "/samples.json" }

  /// Whether the folder has files already.
  public var exists: Bool { (try? Folder.entries(in: path).isEmpty) == false }

  /// Whether a job has begun here and not finished.
  public var isBegun: Bool { unfinished.exists }

  /// Takes the folder for a job. Images of a finished job are removed if they may be replaced.
  public func begin(_ plan: ImagePlan, _ settings: [String: String]) throws -> FolderLock {
    try Folder.make(path)
    return try unfinished.begin(settings) {
      let images = try Folder.names(in: path).filter {
        $0.wholeMatch(of: /\d+-class-\d+\.png/) != nil
      }
      guard images.isEmpty || replacesImages else {
        throw PipelineError(.outputInUse, "'\(path)' has the images of another job")
      }
      for name in images { unlink(path + "/" + name) }
    }
  }

  /// Removes the work folder, and the folder for images if it is new, if no batch is there yet.
  public func abandon(_ plan: ImagePlan) {
    guard !hasImages(of: plan) else { return }
    try? unfinished.remove()
    Folder.removeEmpty(missing)
  }

  /// Whether all images of a batch are there.
  public func hasBatch(_ batch: Int, of plan: ImagePlan) -> Bool {
    plan.images(of: batch).allSatisfy { Folder.hasFile(file(of: $0, plan.labels[$0])) }
  }

  /// Writes each image of a batch as a PNG file with its texts.
  public func write(
    _ images: [ImageJob.Image], of plan: ImagePlan, texts: (ImageJob.Image) throws -> [PNGText]
  ) throws {
    for image in images {
      try image.pixels.png(texts: try texts(image)).withUnsafeBytes {
        try AtomicFile.write(contentsOf: $0, to: file(of: image.index, image.label))
      }
    }
  }

  /// Writes the record.
  public func finish(_ plan: ImagePlan, record: String) throws {
    try AtomicFile.write(record, to: recordPath)
    try unfinished.remove()
  }

  private func file(of image: Int, _ label: Int) -> String {
    path + String(format: "/%06d-class-%d.png", image, label)
  }
}
