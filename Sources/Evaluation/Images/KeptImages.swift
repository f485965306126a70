internal import Files
internal import Foundation
internal import Torch

/// The first of some images that are drawn, kept in a folder so that a page can show them.
struct KeptImages: EvaluatedImages {
  private let images: any EvaluatedImages
  private let folder: String
  let batchSize: Int

  /// Images that are kept, at most.
  static let limit = 2_048

  /// The kept ones of some images.
  ///
  /// - Parameters:
  ///   - images: that are drawn.
  ///   - folder: for the pixels.
  ///   - batchSize: images of a file.
  init(_ images: any EvaluatedImages, in folder: String, batchSize: Int) {
    self.images = images
    self.folder = folder
    self.batchSize = batchSize
  }

  var name: String { images.name }
  var count: Int { images.count }
  var height: Int { images.height }
  var width: Int { images.width }
  var labels: [Int]? { images.labels }
  var classNames: [String]? { images.classNames }
  var fingerprint: [String: String] { get throws { try images.fingerprint } }

  /// Writes the pixels of a batch, if it is among those that are kept.
  ///
  /// - Throws: `FileError`.
  func keep(_ pixels: Tensor, batch: Int) throws {
    guard batch * batchSize < KeptImages.limit else { return }
    try pixels.contiguous.withUnsafeBytes {
      try AtomicFile.write(contentsOf: $0, to: file(of: batch))
    }
  }

  /// Whether an image is kept.
  func has(_ image: Int) -> Bool { Folder.hasFile(file(of: image / batchSize)) }

  /// Reads images, which are of one batch.
  func images(_ range: Range<Int>, check: () throws -> Void) throws -> PixelBatch {
    try check()
    let batch = range.lowerBound / batchSize
    let file = try MappedFile(file(of: batch))
    let byteCount = 3 * height * width
    let start = (range.lowerBound - batch * batchSize) * byteCount
    let bytes = withExtendedLifetime(file) {
      Array(file.bytes.dropFirst(start).prefix(range.count * byteCount))
    }
    return PixelBatch(
      pixels: try withTorchErrors { Tensor(bytes, shape: [range.count, height, width, 3]) },
      leftOut: [])
  }

  private func file(of batch: Int) -> String {
    folder + String(format: "/pixels-%07d.rgb", batch)
  }
}
