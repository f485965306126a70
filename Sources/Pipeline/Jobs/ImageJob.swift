public import Diffusion
public import ImageData
public import Parallel

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
  public var countBefore: Int { batches.countBefore }
  /// Images that are done, by all processes together, as far as this process knows.
  public var doneCount: Int { batches.doneCount }

  private let pipeline: LatentDiffusionPipeline
  private let options: SamplingOptions
  private let batches: SharedBatches

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
    batches = try SharedBatches(
      imageCount: plan.labels.count, batchSize: plan.batchSize, ranks: ranks, isDone: isDone)
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
    guard let batch = try batches.next(check: check) else { return nil }
    let images = try pipeline.images(
      plan.images(of: batch), of: plan, options: options, check: check)
    batches.finish()
    return images
  }
}
