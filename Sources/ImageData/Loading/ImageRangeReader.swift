internal import Foundation

/// Reads consecutive images of an `ImageFolder` in their order, on threads that work ahead.
public final class ImageRangeReader {
  /// Consecutive images, without those that cannot be read.
  public struct Part: Sendable {
    /// The images' numbers in the folder.
    public let numbers: [Int]
    /// `[N, H, W, 3]`: red, green, blue of the images one after another.
    public let pixels: [UInt8]
    /// Those that cannot be read, by number.
    public let broken: [Int: BrokenImage]
  }

  private let queue: Queue

  /// Starts to read.
  ///
  /// - Parameters:
  ///   - folder: the images.
  ///   - range: which of them.
  ///   - imageSize: the side of the square crops in pixels, above 0.
  ///   - reducesWhileDecoding: lets large JPEG files shrink while they are decoded; see `RGBImage`.
  ///   - partSize: images of a part, above 0; the last may have fewer.
  ///   - workerCount: threads, above 0.
  public init(
    _ folder: ImageFolder, _ range: Range<Int>, imageSize: Int, reducesWhileDecoding: Bool = false,
    partSize: Int, workerCount: Int
  ) {
    let queue = Queue(folder, range, partSize: partSize) { path in
      try RGBImage(
        contentsOf: path, croppedTo: imageSize, reducesWhileDecoding: reducesWhileDecoding
      ).pixels
    }
    self.queue = queue
    for _ in 0..<min(workerCount, max(range.count, 1)) {
      Thread.detachNewThread { queue.work() }
    }
  }

  deinit { queue.stop() }

  /// Waits for the next part; nil after the last.
  public func next() -> Part? { queue.next() }

  /// What the reader and its workers share. All that changes is guarded by `condition`.
  private final class Queue: @unchecked Sendable {
    private let folder: ImageFolder
    private let range: Range<Int>
    private let partSize: Int
    private let read: @Sendable (String) throws -> [UInt8]

    private let condition = NSCondition()
    /// The next image that a worker takes.
    private var taken: Int
    /// The first image of the next part.
    private var given: Int
    private var finished: [Int: Result<[UInt8], BrokenImage>] = [:]
    private var isStopped = false

    /// Parts that are read ahead.
    private static let queuedPartCount = 3

    init(
      _ folder: ImageFolder, _ range: Range<Int>, partSize: Int,
      read: @escaping @Sendable (String) throws -> [UInt8]
    ) {
      self.folder = folder
      self.range = range
      self.partSize = partSize
      self.read = read
      taken = range.lowerBound
      given = range.lowerBound
    }

    func stop() {
      locked {
        isStopped = true
        condition.broadcast()
      }
    }

    func work() {
      while let number = take() {
        let path = folder.path(at: number)
        let result = Result { try read(path) }
          .mapError { BrokenImage(path: path, reason: "\($0)") }
        locked {
          finished[number] = result
          condition.broadcast()
        }
      }
    }

    func next() -> Part? {
      let images = given..<min(given + partSize, range.upperBound)
      guard !images.isEmpty else { return nil }
      let results: [(Int, Result<[UInt8], BrokenImage>)] = locked {
        while images.contains(where: { finished[$0] == nil }) { condition.wait() }
        given = images.upperBound
        condition.broadcast()
        return images.compactMap { number in
          finished.removeValue(forKey: number).map { (number, $0) }
        }
      }
      var (numbers, pixels): ([Int], [UInt8]) = ([], [])
      var broken: [Int: BrokenImage] = [:]
      for (number, result) in results {
        switch result {
        case .success(let image):
          numbers.append(number)
          pixels += image
        case .failure(let image): broken[number] = image
        }
      }
      return Part(numbers: numbers, pixels: pixels, broken: broken)
    }

    private func take() -> Int? {
      locked {
        while !isStopped, taken < range.upperBound,
          taken >= given + partSize * Queue.queuedPartCount
        {
          condition.wait()
        }
        guard !isStopped, taken < range.upperBound else { return nil }
        defer { taken += 1 }
        return taken
      }
    }

    private func locked<Value>(_ body: () -> Value) -> Value {
      condition.lock()
      defer { condition.unlock() }
      return body()
    }
  }
}

extension BrokenImage: Error {}
