/// The order of the images in one epoch.
package struct EpochOrder: Sendable {
  /// Counted from 0.
  package let epoch: Int
  private let seed: UInt64
  private let permutation: [Int]

  /// Draws the order of an epoch.
  init(imageCount: Int, seed: UInt64, epoch: Int) {
    self.epoch = epoch
    self.seed = seed
    var generator = SplitMix64(seed, 0, UInt64(epoch))
    permutation = generator.permutation(imageCount)
  }

  /// The image at an index; after the last one the order repeats.
  package func image(at index: Int) -> Int { permutation[index % permutation.count] }

  /// Whether an image is mirrored in this epoch; the probability is one half.
  package func isMirrored(_ image: Int) -> Bool {
    var generator = SplitMix64(seed, 1, UInt64(epoch), UInt64(image))
    return generator.next() & 1 == 1
  }
}

/// The order of the images over all epochs, as a function of the seed alone.
///
/// Positions count the samples of all ranks since the start of training. An epoch is the first
/// `epochLength` images of a permutation drawn by SplitMix64 from seed and epoch. Mirroring depends on
/// seed, epoch and image, so the number of workers or ranks changes nothing.
package struct SampleOrder: Sendable {
  /// Number of images, above 0.
  package let imageCount: Int
  /// Images of an epoch, above 0.
  package let epochLength: Int
  /// Seeds order and mirroring.
  package let seed: UInt64

  /// The last two epochs used: threads ask for both around the end of an epoch.
  private var recent: [EpochOrder] = []

  /// The order of a run.
  package init(imageCount: Int, epochLength: Int, seed: UInt64) {
    self.imageCount = imageCount
    self.epochLength = epochLength
    self.seed = seed
  }

  /// The epoch's order at a position, and the index within it.
  package mutating func place(at position: Int) -> (order: EpochOrder, place: Int) {
    let (epoch, place) = position.quotientAndRemainder(dividingBy: epochLength)
    if let order = recent.first(where: { $0.epoch == epoch }) { return (order, place) }
    let order = EpochOrder(imageCount: imageCount, seed: seed, epoch: epoch)
    recent = recent.suffix(1) + [order]
    return (order, place)
  }
}
