internal import Foundation
package import Parallel
internal import Torch

/// The batches of a job, which its processes take from a common counter.
package final class SharedBatches {
  /// Images of the job.
  package let imageCount: Int
  /// Images of a batch; the last may have fewer.
  package let batchSize: Int
  /// Images that were there when the job began.
  package let countBefore: Int
  /// Images that are done, by all processes together, as far as this process knows.
  package private(set) var doneCount: Int

  private let name: String
  private let ranks: RankGroup?
  /// For each batch, 1 if it was there when the job began.
  private let done: [UInt8]
  private var nextBatch = 0
  /// The batch that this process has taken and not finished.
  private var takenBatch: Int?
  /// Images that are finished and not counted.
  private var pendingCount = 0

  /// Batches of a job.
  ///
  /// - Parameters:
  ///   - imageCount: images of the job.
  ///   - batchSize: 1 or more.
  ///   - ranks: the processes that share the job; nil if this one is alone.
  ///   - name: tells jobs of the same processes apart.
  ///   - isDone: whether a batch is left over from an earlier job; rank 0 is asked, for all.
  /// - Throws: `LaunchError` if another process is lost.
  package init(
    imageCount: Int, batchSize: Int, ranks: RankGroup?, name: String = "",
    isDone: (_ batch: Int) -> Bool
  ) throws {
    self.imageCount = imageCount
    self.batchSize = batchSize
    self.ranks = ranks
    self.name = name
    let batches = (0..<(imageCount + batchSize - 1) / batchSize)
    // Rank 0 alone looks: another machine may see new files later.
    let found = ranks.isRankZero ? batches.map { isDone($0) ? 1 : 0 as UInt8 } : []
    let done = try ranks?.broadcast(found) ?? found
    self.done = done
    countBefore = batches.filter { done[$0] == 1 }.reduce(0) {
      $0 + min(batchSize, imageCount - $1 * batchSize)
    }
    doneCount = countBefore
  }

  /// The images of a batch.
  package func images(of batch: Int) -> Range<Int> {
    batch * batchSize..<min((batch + 1) * batchSize, imageCount)
  }

  /// The next batch of this process, the same until `finish`. After its last batch a process waits here
  /// for the others.
  ///
  /// - Parameter check: called while others are waited for; throws to stop.
  /// - Returns: its number; nil once all images of the job are done.
  /// - Throws: `LaunchError` if another process is lost; what `check` throws.
  package func next(check: () throws -> Void) throws -> Int? {
    try count(pendingCount)
    pendingCount = 0
    if takenBatch == nil { takenBatch = try takeBatch() }
    guard let batch = takenBatch else {
      while doneCount < imageCount {
        try check()
        usleep(200_000)
        try count(0)
      }
      return nil
    }
    try check()
    try ranks?.enter(.sample, step: batch + 1)
    return batch
  }

  /// The batch that was taken is made; it counts as done with the next call of `next`.
  package func finish() {
    pendingCount = takenBatch.map { images(of: $0).count } ?? 0
    takenBatch = nil
  }

  /// Counts images that this process has made.
  private func count(_ images: Int) throws {
    if let ranks {
      doneCount =
        countBefore
        + (try ranks.attributingErrors { try ranks.store.add(images, to: name + "made") })
    } else {
      doneCount += images
    }
  }

  /// The next batch that is missing; nil if none is left.
  private func takeBatch() throws -> Int? {
    while true {
      let batch =
        try ranks.map { ranks in
          try ranks.attributingErrors { try ranks.store.add(1, to: name + "next") } - 1
        } ?? nextBatch
      nextBatch += 1
      guard batch < done.count else { return nil }
      if done[batch] == 0 { return batch }
    }
  }
}
