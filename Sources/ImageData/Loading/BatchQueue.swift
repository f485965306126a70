internal import Foundation

/// What a `BatchLoader` and its workers share. All that changes is guarded by `condition`.
///
/// Workers take single images, in order, of the batches that may be made ahead; the one that
/// finishes a batch's last image puts the batch together.
final class BatchQueue: @unchecked Sendable {
  private let folder: ImageFolder
  private let options: BatchLoaderOptions
  private let onBrokenImage: @Sendable (BrokenImage) -> Void

  private let condition = NSCondition()
  private var order: SampleOrder
  private let epochLength: Int
  private var pending: [Int: PendingBatch] = [:]
  private var finished: [Int: Batch] = [:]
  /// The number of images that workers have taken.
  private var taken = 0
  /// The number of batches that were given out.
  private var given = 0
  private var broken: [Int: BrokenImage] = [:]
  private var failure: ImageError?
  private var isStopped = false
  private var workers = 0
  private var waited = 0.0

  init(
    _ folder: ImageFolder, _ options: BatchLoaderOptions,
    _ onBrokenImage: @escaping @Sendable (BrokenImage) -> Void
  ) {
    self.folder = folder
    self.options = options
    self.onBrokenImage = onBrokenImage
    epochLength = options.epochLength(imageCount: folder.count)
    order = SampleOrder(imageCount: folder.count, epochLength: epochLength, seed: options.seed)
  }

  var secondsWaited: Double { locked { waited } }

  var brokenImages: [BrokenImage] {
    locked { broken.sorted { $0.key < $1.key }.map(\.value) }
  }

  /// Counts a worker, before its thread starts.
  func addWorker() { locked { workers += 1 } }

  /// Ends the workers and waits for them: each finishes the image that it has.
  func stop() {
    locked {
      isStopped = true
      condition.broadcast()
      while workers > 0 { condition.wait() }
    }
  }

  /// The next batch.
  func next() throws -> Batch {
    try locked {
      let clock = ContinuousClock()
      let start = clock.now
      defer { waited += (clock.now - start) / .seconds(1) }
      while true {
        if let failure { throw failure }
        if let batch = finished.removeValue(forKey: given) {
          given += 1
          condition.broadcast()
          return batch
        }
        condition.wait()
      }
    }
  }

  /// What a worker does until the loader is released.
  func work() {
    while let task = takeTask() {
      guard let image = draw(task) else { continue }
      finish(task, image)
    }
    locked {
      workers -= 1
      condition.broadcast()
    }
  }

  /// One image of one batch.
  private struct ImageTask {
    let batch: Int
    let slot: Int
    let order: EpochOrder
    let place: Int
  }

  private struct DrawnImage {
    let number: Int
    let pixels: [UInt8]
  }

  private struct PendingBatch {
    var images: [DrawnImage?]
    var missing: Int
  }

  private var batchSize: Int { options.globalBatchSize / options.rankCount }

  private func takeTask() -> ImageTask? {
    locked {
      while !isStopped, failure != nil || taken / batchSize >= given + options.queuedBatchCount {
        condition.wait()
      }
      guard !isStopped else { return nil }
      let (batch, slot) = taken.quotientAndRemainder(dividingBy: batchSize)
      taken += 1
      if slot == 0 {
        pending[batch] = PendingBatch(
          images: Array(repeating: nil, count: batchSize), missing: batchSize)
      }
      let (order, place) = order.place(
        at: position(of: batch) + options.rank * batchSize + slot)
      return ImageTask(batch: batch, slot: slot, order: order, place: place)
    }
  }

  private func position(of batch: Int) -> Int {
    options.startPosition + batch * options.globalBatchSize
  }

  /// Reads the image of a task, or the next good one; nil if there are too many broken ones.
  private func draw(_ task: ImageTask) -> DrawnImage? {
    for places in 0..<folder.count {
      let number = task.order.image(at: task.place + places)
      if locked({ broken[number] != nil }) { continue }
      do {
        let image = try RGBImage(
          contentsOf: folder.path(at: number), croppedTo: options.imageSize,
          reducesWhileDecoding: options.reducesWhileDecoding)
        let isMirrored = options.mirrors && task.order.isMirrored(number)
        return DrawnImage(number: number, pixels: isMirrored ? image.mirrored() : image.pixels)
      } catch {
        guard note(BrokenImage(path: folder.path(at: number), reason: "\(error)"), number) else {
          return nil
        }
      }
    }
    return nil
  }

  /// Writes down a broken image; false if there are too many.
  private func note(_ image: BrokenImage, _ number: Int) -> Bool {
    let (isNew, isFailed) = locked {
      let isNew = broken.updateValue(image, forKey: number) == nil
      if isNew, failure == nil, broken.count * 100 > folder.count {
        failure = tooManyBroken()
        condition.broadcast()
      }
      return (isNew, failure != nil)
    }
    if isNew { onBrokenImage(image) }
    return !isFailed
  }

  private func tooManyBroken() -> ImageError {
    let reasons = broken.sorted { $0.key < $1.key }.prefix(3).map(\.value.reason)
    return ImageError(
      "more than 1 % of the \(folder.count) images in '\(folder.path)' cannot be read; remove or "
        + "replace them. \(broken.count) so far, as: \(reasons.joined(separator: "; "))")
  }

  private func finish(_ task: ImageTask, _ image: DrawnImage) {
    let whole: [DrawnImage]? = locked {
      pending[task.batch]?.images[task.slot] = image
      pending[task.batch]?.missing -= 1
      guard pending[task.batch]?.missing == 0 else { return nil }
      return pending.removeValue(forKey: task.batch)?.images.compactMap(\.self)
    }
    guard let whole else { return }
    var pixels: [UInt8] = []
    pixels.reserveCapacity(whole.reduce(0) { $0 + $1.pixels.count })
    for image in whole { pixels += image.pixels }
    let position = position(of: task.batch)
    let batch = Batch(
      pixels: pixels, labels: whole.map { folder.label(at: $0.number) },
      images: whole.map(\.number), imageSize: options.imageSize, position: position,
      nextPosition: position + options.globalBatchSize, epoch: position / epochLength)
    locked {
      finished[task.batch] = batch
      condition.broadcast()
    }
  }

  private func locked<Result>(_ body: () throws -> Result) rethrows -> Result {
    condition.lock()
    defer { condition.unlock() }
    return try body()
  }
}
