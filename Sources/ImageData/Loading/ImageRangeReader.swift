/// Reads images of an `ImageFolder` in a given order, on threads that prefetch.
public final class ImageRangeReader {
  /// Images that follow one another, without the broken ones.
  public struct Part: Sendable {
    /// The images' numbers in the folder.
    public let numbers: [Int]
    /// RGB pixels of the images one after another, `[N, H, W, 3]`.
    public let pixels: [UInt8]
    /// The broken images, by number.
    public let broken: [Int: BrokenImage]
  }

  private typealias ReadImage = Result<[UInt8], BrokenImage>

  private let queue: PartQueue<ReadImage, Part, Never>

  /// Starts to read consecutive images.
  ///
  /// - Parameters:
  ///   - folder: the images.
  ///   - range: their numbers.
  ///   - imageSize: side of the square crops in pixels, above 0.
  ///   - reducesWhileDecoding: lets large JPEG files shrink during decoding, faster and slightly
  ///     different; see `RGBImage.init(contentsOf:croppedTo:reducesWhileDecoding:)`.
  ///   - partSize: images of a part, above 0; the last may have fewer.
  ///   - workerCount: threads, above 0.
  public convenience init(
    _ folder: ImageFolder, _ range: Range<Int>, imageSize: Int, reducesWhileDecoding: Bool = false,
    partSize: Int, workerCount: Int
  ) {
    self.init(
      folder, numbers: range, imageSize: imageSize, reducesWhileDecoding: reducesWhileDecoding,
      partSize: partSize, workerCount: workerCount)
  }

  /// Starts to read images of any numbers; the rest as above.
  package init(
    _ folder: ImageFolder, numbers: some RandomAccessCollection<Int> & Sendable, imageSize: Int,
    reducesWhileDecoding: Bool = false, partSize: Int, workerCount: Int
  ) {
    @Sendable func number(_ item: Int) -> Int {
      numbers[numbers.index(numbers.startIndex, offsetBy: item)]
    }
    queue = PartQueue(
      .init(partSize: partSize, itemCount: numbers.count, partsAhead: 3),
      workerCount: min(workerCount, max(numbers.count, 1))
    ) { item in
      let path = folder.path(at: number(item))
      return Result {
        try RGBImage(
          contentsOf: path, croppedTo: imageSize, reducesWhileDecoding: reducesWhileDecoding
        ).pixels
      }.mapError { BrokenImage(path: path, reason: "\($0)") }
    } assemble: { part, results in
      let start = part * partSize
      return ImageRangeReader.part((start..<start + results.count).map(number), results)
    }
  }

  deinit { queue.stop() }

  /// Waits for the next part; nil after the last.
  public func next() -> Part? { queue.next() }

  private static func part(_ all: [Int], _ results: [ReadImage]) -> Part {
    var (numbers, pixels): ([Int], [UInt8]) = ([], [])
    var broken: [Int: BrokenImage] = [:]
    for (number, result) in zip(all, results) {
      switch result {
      case .success(let image):
        numbers.append(number)
        pixels += image
      case .failure(let image): broken[number] = image
      }
    }
    return Part(numbers: numbers, pixels: pixels, broken: broken)
  }
}
