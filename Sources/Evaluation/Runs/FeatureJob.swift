internal import Files
internal import Foundation
internal import Parallel
internal import Pipeline
internal import Torch

/// The features of a set of images, made batch by batch, by one process or by several that share a
/// folder. After a stop the batches that are there are not made again.
final class FeatureJob {
  /// The features, and the images that are left out.
  let store: FeatureStore
  private let images: any EvaluatedImages
  private let network: any FeatureNetwork
  private let kept: KeptImages?
  private let batches: SharedBatches

  /// Images that this process has left out.
  private var leftOutCount = 0

  /// A job.
  ///
  /// - Parameters:
  ///   - images: the set.
  ///   - network: gives the features.
  ///   - folder: for the features; made if it is missing.
  ///   - keepsPixels: whether to keep some images that are drawn.
  ///   - ranks: the processes that share the job; nil if this one is alone.
  ///   - name: tells jobs of the same processes apart.
  /// - Throws: `FileError`; `LaunchError` if another process is lost.
  init(
    _ images: any EvaluatedImages, _ network: any FeatureNetwork, folder: String,
    keepsPixels: Bool, ranks: RankGroup?, name: String
  ) throws {
    self.images = images
    self.network = network
    kept =
      keepsPixels && !images.areAtHand
      ? KeptImages(images, in: folder, batchSize: images.batchSize) : nil
    let store = FeatureStore(folder, of: images, network)
    self.store = store
    batches = try SharedBatches(
      imageCount: images.count, batchSize: images.batchSize, ranks: ranks, name: name,
      isDone: store.hasBatch)
    // After rank 0 has looked.
    try Folder.make(folder)
  }

  /// The images as they can be read again, and whether one can be.
  var readableImages: (images: any EvaluatedImages, has: (Int) -> Bool) {
    kept.map { ($0, $0.has) } ?? (images, { [images] _ in images.areAtHand })
  }

  /// Images whose features were there when the job began.
  var countBefore: Int { batches.countBefore }
  /// Images whose features are there, by all processes, as far as this process knows.
  var doneCount: Int { batches.doneCount }

  /// Makes the features of the next batch.
  ///
  /// - Parameter check: called between layers and while others are waited for; throws to stop.
  /// - Returns: images of the batch that are left out; nil once all batches are done.
  /// - Throws: `EvaluationError` if too many are left out; what reading or making images throws;
  ///   `TorchError`; `FileError`.
  func next(check: () throws -> Void) throws -> [LeftOutImage]? {
    guard let batch = try batches.next(check: check) else { return nil }
    let range = batches.images(of: batch)
    let pixels = try images.images(range, check: check)
    let features = try network.features(of: pixels.pixels, check: check)
    // Their rows are not finite, by which the figures know them.
    if !pixels.leftOut.isEmpty {
      let list = String(decoding: try JSONEncoder().encode(pixels.leftOut), as: UTF8.self)
      try AtomicFile.write(list + "\n", to: leftOutFile(batch))
      try withTorchErrors {
        for image in pixels.leftOut {
          let row = image.index - range.lowerBound
          features.pooled[row..<row + 1].fillInPlace(.nan)
        }
      }
    }
    try kept?.keep(pixels.pixels, batch: batch)
    try store.write(features, batch: batch, enlargedCount: pixels.enlargedCount)
    batches.finish()
    leftOutCount += pixels.leftOut.count
    try images.requireFew(leftOutCount)
    return pixels.leftOut
  }

  /// All images that take no part, by this process or others.
  ///
  /// - Parameter nonFinite: numbers of images whose features are not finite.
  /// - Returns: the images, by number.
  /// - Throws: `FileError`.
  func leftOut(_ nonFinite: [Int]) throws -> [LeftOutImage] {
    var leftOut: [LeftOutImage] = []
    for batch in 0..<store.batchCount where Folder.hasFile(leftOutFile(batch)) {
      let text = try TextFile.content(of: leftOutFile(batch))
      leftOut += try JSONDecoder().decode([LeftOutImage].self, from: Data(text.utf8))
    }
    let known = Set(leftOut.map(\.index))
    leftOut += nonFinite.filter { !known.contains($0) }.map {
      LeftOutImage(index: $0, name: images.name(of: $0), reason: "its features are not finite")
    }
    return leftOut.sorted { $0.index < $1.index }
  }

  private func leftOutFile(_ batch: Int) -> String {
    store.folder + String(format: "/left-out-%07d.json", batch)
  }
}
