internal import Synchronization

/// Draws the images of batches, from several threads.
///
/// A broken image is replaced by the next good one in the order of its epoch.
final class BatchSource: Sendable {
  /// One image of a batch.
  struct DrawnImage: Sendable {
    let number: Int
    let pixels: [UInt8]
  }

  private struct State {
    var order: SampleOrder
    var broken: [Int: BrokenImage] = [:]
  }

  private let folder: ImageFolder
  private let options: BatchLoaderOptions
  private let epochLength: Int
  private let onBrokenImage: @Sendable (BrokenImage) -> Void
  private let state: Mutex<State>

  init(
    _ folder: ImageFolder, _ options: BatchLoaderOptions,
    _ onBrokenImage: @escaping @Sendable (BrokenImage) -> Void
  ) {
    self.folder = folder
    self.options = options
    self.onBrokenImage = onBrokenImage
    epochLength = options.epochLength(imageCount: folder.count)
    state = Mutex(
      State(
        order: SampleOrder(
          imageCount: folder.count, epochLength: epochLength, seed: options.seed)))
  }

  /// Images of a batch on this rank.
  var batchSize: Int { options.globalBatchSize / options.worldSize }

  /// The images that could not be read so far, in the order of their paths.
  var brokenImages: [BrokenImage] {
    state.withLock { $0.broken }.sorted { $0.key < $1.key }.map(\.value)
  }

  /// Reads one image, or the next good one.
  ///
  /// - Parameter item: counts the images of this rank since the loader was made.
  /// - Returns: the cropped, perhaps mirrored image.
  /// - Throws: `ImageError` if too many of the folder's images are broken.
  func image(_ item: Int) throws(ImageError) -> DrawnImage {
    let (batch, slot) = item.quotientAndRemainder(dividingBy: batchSize)
    let position = position(ofBatch: batch) + options.rank * batchSize + slot
    let (order, index) = state.withLock { $0.order.place(at: position) }
    for offset in 0..<folder.count {
      let number = order.image(at: index + offset)
      if state.withLock({ $0.broken[number] != nil }) { continue }
      switch read(number) {
      case .success(let image):
        let isMirrored = options.mirrors && order.isMirrored(number)
        return DrawnImage(number: number, pixels: isMirrored ? image.mirrored() : image.pixels)
      case .failure(let image): try record(image, number)
      }
    }
    throw tooManyBroken(brokenImages)
  }

  /// Puts the images of a batch together.
  func batch(_ index: Int, _ images: [DrawnImage]) -> Batch {
    var pixels: [UInt8] = []
    pixels.reserveCapacity(images.reduce(0) { $0 + $1.pixels.count })
    for image in images { pixels += image.pixels }
    let position = position(ofBatch: index)
    return Batch(
      pixels: pixels, labels: images.map { folder.label(at: $0.number) },
      images: images.map(\.number), imageSize: options.imageSize, position: position,
      nextPosition: position + options.globalBatchSize, epoch: position / epochLength)
  }

  private func position(ofBatch batch: Int) -> Int {
    options.startPosition + batch * options.globalBatchSize
  }

  private func read(_ number: Int) -> Result<RGBImage, BrokenImage> {
    let path = folder.path(at: number)
    return Result {
      try RGBImage(
        contentsOf: path, croppedTo: options.imageSize,
        reducesWhileDecoding: options.reducesWhileDecoding)
    }.mapError { BrokenImage(path: path, reason: "\($0)") }
  }

  private func record(_ image: BrokenImage, _ number: Int) throws(ImageError) {
    let (isNew, count) = state.withLock { state in
      (state.broken.updateValue(image, forKey: number) == nil, state.broken.count)
    }
    if isNew { onBrokenImage(image) }
    if count > folder.brokenImageLimit { throw tooManyBroken(brokenImages) }
  }

  private func tooManyBroken(_ images: [BrokenImage]) -> ImageError {
    ImageError(folder.tooManyBroken(images.count, reasons: images.prefix(3).map(\.reason)))
  }
}
