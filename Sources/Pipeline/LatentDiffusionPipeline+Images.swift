public import Diffusion
public import ImageData
public import Torch

/// How far a batch of images has come.
public enum ImageProgress {
  /// A step has been taken; `decode` makes a preview of its `predictedData()`.
  case step(SamplingStep)
  /// So many of the images are decoded.
  case decoded(Int, of: Int)
}

extension LatentDiffusionPipeline {
  /// Makes images of some classes in one batch.
  ///
  /// - Parameters:
  ///   - labels: the class of each image.
  ///   - options: how to sample.
  ///   - generator: goes on from batch to batch.
  ///   - progress: called after each step and each decoded image; throws to stop.
  /// - Returns: the images, in the order of the labels.
  /// - Throws: `PipelineError` for a class or option out of range, or latents that are not finite;
  ///   `TorchError` if memory does not suffice; what `progress` throws.
  public func images(
    labels: [Int], options: SamplingOptions = SamplingOptions(), generator: Generator,
    progress: (ImageProgress) throws -> Void = { _ in }
  ) throws -> [RGBImage] {
    try requireImages()
    let latents = try samplingLoop(labels: labels, options: options, generator: generator).run {
      try progress(.step($0))
    }
    var images: [RGBImage] = []
    for row in 0..<labels.count {
      images += try decode(latents[row..<row + 1])
      try progress(.decoded(images.count, of: labels.count))
    }
    return images
  }
}
