internal import ImageData
internal import Synchronization

/// Images that could not be read, collected from the threads that decode.
final class BrokenImageList: Sendable {
  private let images = Mutex<[BrokenImage]>([])

  /// Adds an image.
  func add(_ image: BrokenImage) { images.withLock { $0.append(image) } }

  /// Removes and returns what was added since the last call.
  func takeAll() -> [BrokenImage] {
    images.withLock { images in
      defer { images = [] }
      return images
    }
  }
}
