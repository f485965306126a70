internal import Checkpoint
public import Torch

extension ReferenceArchive {
  /// The images of a reference that the evaluation suite has for precision and recall, at most.
  public static let maximumImageCount = 10_000

  /// Images to put into a file of reference statistics.
  public struct Images {
    let shape: [Int]
    let batch: (Range<Int>) throws -> Tensor

    /// Images that are asked for in batches, in order.
    ///
    /// - Parameters:
    ///   - count: their number.
    ///   - height: in pixels.
    ///   - width: in pixels.
    ///   - batch: gives images as `[n, height, width, 3]`, uint8.
    public init(
      count: Int, height: Int, width: Int, batch: @escaping (Range<Int>) throws -> Tensor
    ) {
      shape = [count, height, width, 3]
      self.batch = batch
    }
  }

  /// The images that are asked for at a time.
  private static let batchSize = 64

  /// Writes a file, which appears under its name when it is complete.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - record: how the statistics were made.
  ///   - moments: of pooled features, written as `mu` and `sigma`.
  ///   - spatialMoments: of features with places, written as `mu_s` and `sigma_s`.
  ///   - images: written as `arr_0`; not more than `maximumImageCount`, by the suite's custom.
  /// - Throws: `FileError`; `EvaluationError`: `otherSize` if a batch has another shape; what `images` throws.
  public static func write(
    to path: String, record: ReferenceRecord, moments: FeatureMoments,
    spatialMoments: FeatureMoments?, images: Images?
  ) throws {
    var arrays: [NumPyArchive.Array] = [
      .init("mu", moments.mean), .init("sigma", moments.covariance),
    ]
    if let spatialMoments {
      arrays += [.init("mu_s", spatialMoments.mean), .init("sigma_s", spatialMoments.covariance)]
    }
    if let images { arrays.append(array(of: images)) }
    arrays.append(record.array)
    try NumPyArchive.write(arrays, to: path)
  }

  private static func array(of images: Images) -> NumPyArchive.Array {
    .init(ArchivedImages.arrayName, shape: images.shape) { body in
      for range in rowBlocks(images.shape[0], of: batchSize) {
        let batch = try images.batch(range)
        guard batch.dtype == .uint8, batch.shape == [range.count] + images.shape.dropFirst() else {
          throw EvaluationError(
            .otherSize,
            "images \(range.lowerBound) to \(range.upperBound - 1) are \(batch), not"
              + " \(images.shape.dropFirst().map(String.init).joined(separator: " x "))")
        }
        try batch.contiguous.withUnsafeBytes(body)
      }
    }
  }
}
