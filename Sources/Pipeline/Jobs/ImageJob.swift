public import Diffusion
internal import Foundation
public import ImageData
public import Parallel
internal import Torch

/// Many images of one pipeline, made batch by batch, by one process or by several.
///
/// Processes take batches from a common counter. An image depends on its class and seed alone, so
/// any number of processes makes the same images.
public final class ImageJob {
  /// An image that was made.
  public struct Image: Sendable {
    /// Its number in the job, from 0.
    public let index: Int
    /// Its class.
    public let label: Int
    /// Its pixels.
    public let pixels: RGBImage
    /// Its place among the images that were made together.
    package let place: ImagePlace
  }

  /// What is made.
  public let plan: ImagePlan
  /// Images that were there when the job began.
  public let countBefore: Int
  /// Images that are done, by all processes together, as far as this process knows.
  public private(set) var doneCount: Int

  private let pipeline: LatentDiffusionPipeline
  private let options: SamplingOptions
  private let ranks: RankGroup?
  /// For each batch, 1 if it was there when the job began.
  private let done: [UInt8]
  private var nextBatch = 0
  /// The batch that this process has taken and not made.
  private var takenBatch: Int?
  /// Images that the caller has not finished with.
  private var pendingCount = 0

  /// A job.
  ///
  /// - Parameters:
  ///   - pipeline: makes the images.
  ///   - plan: their classes and seeds.
  ///   - options: how they are sampled.
  ///   - ranks: the processes that share the job; nil if this one is alone.
  ///   - isDone: whether a batch is left over from an earlier job; rank 0 is asked, for all.
  /// - Throws: `LaunchError` if another process is lost.
  public init(
    _ pipeline: LatentDiffusionPipeline, _ plan: ImagePlan, options: SamplingOptions,
    ranks: RankGroup? = nil, isDone: (_ batch: Int) -> Bool = { _ in false }
  ) throws {
    self.pipeline = pipeline
    self.plan = plan
    self.options = options
    self.ranks = ranks
    // Rank 0 alone looks: another machine may see new files later.
    let found = ranks.isRankZero ? (0..<plan.batchCount).map { isDone($0) ? 1 : 0 as UInt8 } : []
    let done = try ranks?.broadcast(found) ?? found
    self.done = done
    countBefore = done.indices.filter { done[$0] == 1 }.reduce(0) {
      $0 + plan.images(of: $1).count
    }
    doneCount = countBefore
  }

  /// Makes the next batch of this process. The images of the batch before count as done now.
  ///
  /// After its last batch a process waits here for the others. A batch that failed is made again by the
  /// next call.
  ///
  /// - Parameter check: called after each step and while others are waited for; throws to stop.
  /// - Returns: the images in order; nil once all images of the job are done.
  /// - Throws: `PipelineError` for classes or options out of range, or numbers that are not finite;
  ///   `TorchError` if memory does not suffice; `LaunchError` if another process is lost; what `check`
  ///   throws.
  public func next(check: () throws -> Void = {}) throws -> [Image]? {
    try count(pendingCount)
    pendingCount = 0
    if takenBatch == nil { takenBatch = try takeBatch() }
    guard let batch = takenBatch else {
      while doneCount < plan.labels.count {
        try check()
        usleep(200_000)
        try count(0)
      }
      return nil
    }
    try check()
    try ranks?.enter(.sample, step: batch + 1)
    let indices = plan.images(of: batch)
    // An adaptive sampler chooses its steps by all images of a batch: each goes by itself.
    let isAdaptive = options.settled(for: pipeline.process.family).stepCount == nil
    let images =
      isAdaptive
      ? try indices.flatMap { try make($0..<$0 + 1, check: check) }
      : try make(indices, check: check)
    takenBatch = nil
    pendingCount = images.count
    return images
  }

  private func make(_ indices: Range<Int>, check: () throws -> Void) throws -> [Image] {
    let generators = try indices.map { try pipeline.makeGenerator(seed: plan.seed(of: $0)) }
    let steps = try pipeline.samplingLoop(
      labels: indices.map { plan.labels[$0] }, options: options, noise: .perSample(generators))
    let latents = try steps.run { _ in try check() }
    let pixels = try pipeline.decode(latents, check: check)
    let labels = indices.map { plan.labels[$0] }
    return zip(indices, pixels).enumerated().map { row, image in
      Image(
        index: image.0, label: labels[row], pixels: image.1,
        place: ImagePlace(labels, row: row, hasOwnNoise: true))
    }
  }

  /// Counts images that this process has made.
  private func count(_ images: Int) throws {
    if let ranks {
      doneCount =
        countBefore + (try ranks.attributingErrors { try ranks.store.add(images, to: "made") })
    } else {
      doneCount += images
    }
  }

  /// The next batch that is missing; nil if none is left.
  private func takeBatch() throws -> Int? {
    while true {
      let batch =
        try ranks.map { ranks in
          try ranks.attributingErrors { try ranks.store.add(1, to: "next") } - 1
        } ?? nextBatch
      nextBatch += 1
      guard batch < plan.batchCount else { return nil }
      if done[batch] == 0 { return batch }
    }
  }
}
