internal import Files
internal import Foundation
internal import Torch

/// The features of a set of images on disk, one file a batch, so that a computation that was stopped goes on
/// and several processes share it.
///
/// A file appears under its name when it is complete. It has 64 bytes of header (`DITFEAT1`, then the numbers
/// of images, pooled features, features with places, classes and enlarged images as 64-bit integers,
/// little-endian), then the pooled features, those with places and the scores of classes, each by image, in
/// float32.
public struct FeatureStore: Sendable {
  /// The folder of the files.
  public let folder: String
  /// The number of images.
  public let imageCount: Int
  /// The images of a batch; the last one may have fewer.
  public let batchSize: Int
  /// The numbers of features.
  public let widths: FeatureWidths

  private static let magic = Array("DITFEAT1".utf8)
  private static let headerByteCount = 64

  /// A store in a folder, which must be there before a batch is written.
  ///
  /// - Parameters:
  ///   - folder: the folder; other files in it are left alone.
  ///   - imageCount: the number of images.
  ///   - batchSize: 1 or more.
  ///   - widths: the numbers of features.
  public init(_ folder: String, imageCount: Int, batchSize: Int, widths: FeatureWidths) {
    self.folder = folder
    self.imageCount = imageCount
    self.batchSize = max(1, batchSize)
    self.widths = widths
  }

  /// The store of a set of images.
  init(_ folder: String, of images: any EvaluatedImages, _ network: any FeatureNetwork) {
    self.init(
      folder, imageCount: images.count, batchSize: images.batchSize,
      widths: FeatureWidths(of: network))
  }

  /// The number of batches.
  public var batchCount: Int { (imageCount + batchSize - 1) / batchSize }

  /// The images of a batch.
  public func images(of batch: Int) -> Range<Int> {
    batch * batchSize..<min((batch + 1) * batchSize, imageCount)
  }

  /// Whether the features of a batch are there, in a file of the right size.
  public func hasBatch(_ batch: Int) -> Bool {
    var status = stat()
    return stat(file(of: batch), &status) == 0 && status.st_mode & S_IFMT == S_IFREG
      && Int(status.st_size) == byteCount(of: batch)
  }

  /// The batches whose features are not there.
  public var missingBatches: [Int] { (0..<batchCount).filter { !hasBatch($0) } }

  /// The bytes of all batches whose features are not there.
  public var missingByteCount: Int { missingBatches.reduce(0) { $0 + byteCount(of: $1) } }

  /// Writes the features of a batch.
  ///
  /// - Parameters:
  ///   - features: of all its images.
  ///   - batch: its number.
  ///   - enlargedCount: how many of its images were enlarged.
  /// - Throws: `EvaluationError`: `otherFeatures` for other shapes; `FileError`.
  public func write(_ features: ImageFeatures, batch: Int, enlargedCount: Int = 0) throws {
    let count = images(of: batch).count
    try widths.check(features, count: count)
    var header = FeatureStore.header(count, widths)
    withUnsafeBytes(of: Int64(enlargedCount).littleEndian) { header += $0 }
    header += [UInt8](repeating: 0, count: FeatureStore.headerByteCount - header.count)
    var file = try AtomicFile(file(of: batch), expectedByteCount: byteCount(of: batch))
    try header.withUnsafeBytes { try file.append($0) }
    for tensor in [features.pooled, features.spatial, features.logits].compactMap({ $0 }) {
      try tensor.detached.to(.cpu).to(.float32).contiguous.withUnsafeBytes { try file.append($0) }
    }
    try file.commit()
  }

  /// How many images of all batches were enlarged.
  ///
  /// - Throws: `FileError`.
  public func enlargedCount() throws -> Int {
    try (0..<batchCount).reduce(0) { sum, batch in
      let file = try MappedFile(file(of: batch))
      return sum
        + withExtendedLifetime(file) {
          let place = 8 * (2 + widths.all.count)
          guard file.bytes.count >= place + 8 else { return 0 }
          return Int(
            Int64(littleEndian: file.bytes.loadUnaligned(fromByteOffset: place, as: Int64.self)))
        }
    }
  }

  /// Reads the features of a batch.
  ///
  /// - Returns: tensors over the mapped file.
  /// - Throws: `FileError`; `EvaluationError`: `otherFeatures` if the file is not of these features.
  public func read(_ batch: Int) throws -> ImageFeatures {
    let path = file(of: batch)
    let file = try MappedFile(path)
    let count = images(of: batch).count
    let header = FeatureStore.header(count, widths)
    guard let start = file.bytes.baseAddress, file.bytes.count == byteCount(of: batch),
      file.bytes.starts(with: header)
    else {
      throw EvaluationError(
        .otherFeatures,
        "'\(path)' has not the features of \(count) images that it should have; remove it")
    }
    var place = UnsafeMutableRawPointer(mutating: start) + FeatureStore.headerByteCount
    let tensors = widths.all.map { width in
      defer { place += 4 * count * width }
      return width == 0
        ? nil
        : Tensor(borrowing: place, shape: [count, width], dtype: .float32, owner: file)
    }
    guard let pooled = tensors[0] else { fatalError("FeatureStore: no pooled features") }
    return ImageFeatures(pooled: pooled, spatial: tensors[1], logits: tensors[2])
  }

  /// Calls `body` with the features of each batch, in order.
  ///
  /// - Throws: as `read`; what `body` throws.
  public func forEachBatch(
    _ body: (_ images: Range<Int>, _ features: ImageFeatures) throws -> Void
  ) throws {
    for batch in 0..<batchCount { try body(images(of: batch), try read(batch)) }
  }

  /// Removes the files of all batches.
  ///
  /// - Throws: `FileError`.
  public func remove() throws {
    for batch in 0..<batchCount { try Folder.remove(file(of: batch)) }
  }

  private func file(of batch: Int) -> String {
    folder + String(format: "/block-%07d.features", batch)
  }

  private func byteCount(of batch: Int) -> Int {
    FeatureStore.headerByteCount + 4 * images(of: batch).count * widths.all.reduce(0, +)
  }

  private static func header(_ count: Int, _ widths: FeatureWidths) -> [UInt8] {
    ([count] + widths.all).reduce(into: magic) { bytes, number in
      withUnsafeBytes(of: Int64(number).littleEndian) { bytes += $0 }
    }
  }
}
