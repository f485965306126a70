/// Which image is drawn where in one epoch.
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

  /// The image at a place from 0; after the last place the order begins anew.
  package func image(at place: Int) -> Int { permutation[place % permutation.count] }

  /// Whether an image is mirrored in this epoch: as likely as not.
  package func isMirrored(_ image: Int) -> Bool {
    var generator = SplitMix64(seed, 1, UInt64(epoch), UInt64(image))
    return generator.next() & 1 == 1
  }
}

/// Which image is drawn where in an endless run of epochs, from a seed alone.
///
/// Positions count the samples of all ranks since the start of training. An epoch takes
/// `epochLength` positions: the first so many images of a permutation that SplitMix64 draws from the
/// seed and the epoch. Another generator, of seed, epoch and image, decides whether an image is
/// mirrored, so that neither workers nor ranks matter.
package struct SampleOrder: Sendable {
  /// How many images there are, above 0.
  package let imageCount: Int
  /// How many of them an epoch takes, above 0.
  package let epochLength: Int
  /// Of order and mirroring.
  package let seed: UInt64

  private var last: EpochOrder?

  /// The order of a run.
  package init(imageCount: Int, epochLength: Int, seed: UInt64) {
    self.imageCount = imageCount
    self.epochLength = epochLength
    self.seed = seed
  }

  /// The order that holds at a position, and the place in it. The last order is kept for the next
  /// call.
  package mutating func place(at position: Int) -> (order: EpochOrder, place: Int) {
    let (epoch, place) = position.quotientAndRemainder(dividingBy: epochLength)
    if let last, last.epoch == epoch { return (last, place) }
    let order = EpochOrder(imageCount: imageCount, seed: seed, epoch: epoch)
    last = order
    return (order, place)
  }
}
