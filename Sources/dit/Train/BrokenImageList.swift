internal import ImageData
internal import Synchronization

/// Images that could not be read, from the threads that found out to the one that says so.
final class BrokenImageList: Sendable {
  private let images = Mutex<[BrokenImage]>([])

  /// Adds an image.
  func add(_ image: BrokenImage) { images.withLock { $0.append(image) } }

  /// What was added since the last call, a line each.
  func takeNotes() -> [String] {
    images.withLock { images in
      defer { images = [] }
      return images.map(\.note)
    }
  }
}

extension BrokenImage {
  /// What is wrong, and what comes of it.
  var note: String { "\(reason); left out" }
}
