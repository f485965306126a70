public import Files
public import ImageData

/// Where the images of a job are written, batch by batch, so that a job that was stopped goes on.
public protocol ImageOutput: Sendable {
  /// The file or folder.
  var path: String { get }
  /// The file for the record of the settings, in the folder or next to the file.
  var recordPath: String { get }
  /// Whether the output is there already, and a new job would replace it.
  var exists: Bool { get }
  /// Whether a job has begun here and not finished.
  var isBegun: Bool { get }

  /// Takes the output for a job, or goes on with one that was stopped.
  ///
  /// - Parameters:
  ///   - plan: the images.
  ///   - settings: all that decides the pixels, by name.
  /// - Returns: keeps other jobs out for as long as it lives.
  /// - Throws: `PipelineError` if another job works here or began with other settings; `FileError`.
  func begin(_ plan: ImagePlan, _ settings: [String: String]) throws -> FolderLock

  /// Removes what a job that has failed has made here, if no image is there yet.
  func abandon(_ plan: ImagePlan)

  /// Whether all images of a batch are there.
  func hasBatch(_ batch: Int, of plan: ImagePlan) -> Bool

  /// Writes the images of a batch.
  ///
  /// - Parameters:
  ///   - images: of the batch.
  ///   - plan: all images.
  ///   - texts: of an image, for a format that takes them.
  /// - Throws: `FileError`; `ImageError` if an image cannot be encoded; what `texts` throws.
  func write(
    _ images: [ImageJob.Image], of plan: ImagePlan, texts: (ImageJob.Image) throws -> [PNGText]
  ) throws

  /// Puts the output and its record in place, once all batches are there.
  ///
  /// - Parameters:
  ///   - plan: the images.
  ///   - record: the settings, as text.
  /// - Throws: `FileError`.
  func finish(_ plan: ImagePlan, record: String) throws
}

extension ImageOutput {
  /// Whether any batch is there.
  func hasImages(of plan: ImagePlan) -> Bool {
    (0..<plan.batchCount).contains { hasBatch($0, of: plan) }
  }

  /// Writes the images of a batch, without texts.
  ///
  /// - Throws: `FileError`; `ImageError` if an image cannot be encoded.
  public func write(_ images: [ImageJob.Image], of plan: ImagePlan) throws {
    try write(images, of: plan) { _ in [] }
  }
}
