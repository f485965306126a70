internal import Inference
internal import Pipeline
internal import TestSupport

extension PipelineConfig {
  /// The small model of the tests.
  static func small(
    guideCheckpoint: String? = nil, precision: Precision = .fp32, mode: ExecutionMode = .graph,
    cache: FeatureCache = .off
  ) -> PipelineConfig {
    PipelineConfig(
      ditCheckpoint: SmallModel.dit, guideCheckpoint: guideCheckpoint,
      autoencoder: .file(SmallModel.vae), precision: precision, mode: mode, cache: cache)
  }
}
