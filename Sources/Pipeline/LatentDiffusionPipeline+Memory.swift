internal import Diffusion
internal import Inference
internal import Models

extension LatentDiffusionPipeline {
  /// Estimates the memory of sampling on a CPU, without the autoencoder and the program itself.
  ///
  /// - Parameters:
  ///   - settings: their guidance and steps.
  ///   - batchSize: images at a time.
  /// - Returns: bytes.
  package func samplingMemory(_ settings: SamplingSettings, batchSize: Int) -> Int {
    let options = settings.options.settled(for: process)
    let dit: DiTConfig
    switch model {
    case .dit(let config): dit = config
    case .meanFlow(let config): return config.samplingMemory(precision, batchSize: batchSize)
    }
    let isGuided = options.guidance.isActive
    let guide = isGuided ? guideModel : nil
    let rows = isGuided && guide == nil ? 2 * batchSize : batchSize
    return [dit, guide].compactMap { $0 }.reduce(0) {
      $0
        + $1.samplingMemory(
          precision, networkBatchSize: rows, stepCount: options.stepCount ?? 1,
          cache: settings.pipeline.cache)
    }
  }
}
