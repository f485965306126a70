/// The images that were drawn lately.
struct ImageStore {
  private var images: [String: DrawnImage] = [:]
  /// In the order of their coming.
  private var order: [(id: String, time: ContinuousClock.Instant)] = []
  private var byteCount = 0
  private let byteLimit: Int

  /// - Parameter byteLimit: of all images together; the oldest go first.
  init(byteLimit: Int) { self.byteLimit = byteLimit }

  subscript(_ id: String) -> DrawnImage? { images[id] }

  /// Adds an image.
  mutating func add(_ image: DrawnImage, at time: ContinuousClock.Instant) {
    images[image.id] = image
    order.append((image.id, time))
    byteCount += image.png.count
    var excess = 0
    while byteCount > byteLimit, excess < order.count - 1 {
      remove(order[excess].id)
      excess += 1
    }
    order.removeFirst(excess)
  }

  /// Forgets images that came before a time.
  mutating func forget(before time: ContinuousClock.Instant) {
    let old = order.prefix { $0.time < time }
    for entry in old { remove(entry.id) }
    order.removeFirst(old.count)
  }

  private mutating func remove(_ id: String) {
    byteCount -= images.removeValue(forKey: id)?.png.count ?? 0
  }
}
