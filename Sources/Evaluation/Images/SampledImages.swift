public import Diffusion
internal import ImageData
public import Pipeline
internal import Torch

/// Images that a pipeline makes when they are asked for, and keeps nowhere.
public struct SampledImages: EvaluatedImages {
  /// The classes and seeds.
  public let plan: ImagePlan
  /// The model's file, or the built-in model.
  public let name: String
  /// All that decides the pixels.
  public let fingerprint: [String: String]

  private let pipeline: LatentDiffusionPipeline
  private let options: SamplingOptions

  /// Images of a plan.
  ///
  /// - Parameters:
  ///   - pipeline: makes the images.
  ///   - plan: their classes and seeds.
  ///   - options: how they are sampled.
  ///   - name: of the model.
  ///   - fingerprint: all that decides the pixels.
  /// - Throws: `PipelineError` for a model of latents without an autoencoder.
  public init(
    _ pipeline: LatentDiffusionPipeline, _ plan: ImagePlan, options: SamplingOptions, name: String,
    fingerprint: [String: String]
  ) throws {
    try pipeline.requireImages()
    self.pipeline = pipeline
    self.plan = plan
    self.options = options
    self.name = name
    self.fingerprint = fingerprint
  }

  /// Number of images.
  public var count: Int { plan.labels.count }
  /// Height in pixels.
  public var height: Int { plan.imageSize }
  /// Width in pixels.
  public var width: Int { plan.imageSize }
  /// That of the plan.
  public var batchSize: Int { plan.batchSize }
  /// Each is drawn anew.
  public var areAtHand: Bool { false }
  /// The class of each image.
  public var labels: [Int]? { plan.labels }
  /// The model's class names; nil if they are not known.
  public var classNames: [String]? { pipeline.classNames.names }

  /// The class and the seed.
  public func name(of index: Int) -> String {
    "class \(plan.labels[index]), seed \(plan.seed(of: index))"
  }

  /// Makes some of the images together. Those whose latents are not finite are left out.
  public func images(_ range: Range<Int>, check: () throws -> Void) throws -> PixelBatch {
    do {
      let images = try pipeline.images(range, of: plan, options: options, check: check)
      return PixelBatch(
        pixels: try withTorchErrors {
          Tensor(images.flatMap(\.pixels.pixels), shape: [range.count, height, width, 3])
        }, leftOut: [])
    } catch let error as PipelineError where error.reason == .nonFiniteLatents {
      // Which of them: each by itself.
      guard range.count > 1 else { return try leaveOut(range.lowerBound, error.message) }
      return try joined(try range.map { try images($0..<$0 + 1, check: check) })
    }
  }

  private func joined(_ parts: [PixelBatch]) throws -> PixelBatch {
    PixelBatch(
      pixels: try withTorchErrors { concatenated(parts.map(\.pixels)) },
      leftOut: parts.flatMap(\.leftOut))
  }

  private func leaveOut(_ index: Int, _ reason: String) throws -> PixelBatch {
    PixelBatch(
      pixels: try withTorchErrors { Tensor.zeros([1, height, width, 3], dtype: .uint8) },
      leftOut: [
        .init(index: index, name: name(of: index), reason: reason)
      ])
  }
}
