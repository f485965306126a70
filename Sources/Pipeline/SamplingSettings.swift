internal import Checkpoint
public import Diffusion
internal import Inference
internal import Models

/// All that decides how images look, except their classes: a run can be repeated from it.
///
/// In JSON the keys are those of the program's `sample.json` and of its configuration files, and a
/// missing key has its default.
public struct SamplingSettings: Sendable, Equatable {
  /// The model's files, and how the model is run.
  public var pipeline: PipelineConfig
  /// The sampler, its options, and guidance.
  public var options: SamplingOptions
  /// The seed of the random numbers.
  public var seed: UInt64
  /// Images that are made together; nil for all of a run, at most `defaultBatchSize`. It decides the
  /// noise if images share a random number generator.
  public var batchSize: Int?

  /// The most images made together if no batch size is given.
  public static let defaultBatchSize = 8

  /// Settings; without arguments those of the built-in model.
  public init(
    pipeline: PipelineConfig = PipelineConfig(), options: SamplingOptions = SamplingOptions(),
    seed: UInt64 = 42, batchSize: Int? = nil
  ) {
    self.pipeline = pipeline
    self.options = options
    self.seed = seed
    self.batchSize = batchSize
  }

  /// The same settings, with what is not set as the model of a pipeline has it.
  ///
  /// - Parameter pipeline: made of these settings.
  /// - Returns: settings that leave nothing of the sampler and the family open.
  public func settled(for pipeline: LatentDiffusionPipeline) -> SamplingSettings {
    var settled = self
    let process = pipeline.process
    settled.options = options.settled(for: process)
    settled.pipeline.family = process.family
    settled.pipeline.path = process.flow?.shape
    settled.pipeline.prediction = process.flow?.prediction
    return settled
  }
}

extension SamplingSettings: Codable {
  private enum CodingKeys: String, CodingKey, CaseIterable {
    case ditCheckpoint = "dit_checkpoint"
    case noEMA = "no_ema"
    case guideCheckpoint = "guide_checkpoint"
    case vaeCheckpoint = "vae_checkpoint"
    case modelName = "model_name"
    case imageSize = "image_size"
    case numHeads = "num_heads"
    case numClasses = "num_classes"
    case family
    case path
    case prediction
    case classNames = "class_names"
    case scaleFactor = "sd_scale_factor"
    case latentStats = "latent_stats"
    case precision
    case secondLayer = "int8_fc2"
    case mode
    case cache
    case device
    case tf32
    case sampler
    case samplingSteps = "sampling_steps"
    case guidanceScale = "guidance_scale"
    case guidedChannels = "cfg_channels"
    case guidanceInterval = "guidance_interval"
    case seed
    case batchSize = "batch_size"
  }

  /// All keys in JSON.
  package static var keys: [String] { CodingKeys.allCases.map(\.rawValue) + SamplerOptions.keys }

  /// Reads settings.
  ///
  /// - Throws: `DecodingError` for a value of the wrong type or an unknown name.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    self.init()
    func value<Value: Decodable>(_ key: CodingKeys, or fallback: Value) throws -> Value {
      try container.decodeIfPresent(Value.self, forKey: key) ?? fallback
    }
    func named<Value>(
      _ key: CodingKeys, or fallback: Value, _ make: (String) -> Value?
    ) throws -> Value {
      guard let name = try container.decodeIfPresent(String.self, forKey: key) else {
        return fallback
      }
      guard let result = make(name) else {
        throw DecodingError.dataCorruptedError(
          forKey: key, in: container, debugDescription: "unknown \(key.rawValue) '\(name)'")
      }
      return result
    }
    /// A text or a number.
    func guidedChannels() throws -> GuidedChannels? {
      guard let count = try? container.decode(Int.self, forKey: .guidedChannels) else {
        return try named(.guidedChannels, or: nil) { GuidedChannels($0).map(Optional.some) }
      }
      guard let channels = GuidedChannels(String(count)) else {
        throw DecodingError.dataCorruptedError(
          forKey: .guidedChannels, in: container, debugDescription: "\(count) channels")
      }
      return channels
    }
    pipeline.ditCheckpoint = try named(.ditCheckpoint, or: nil) {
      .some(EmbeddedModel.isName($0) ? nil : $0)
    }
    if let noEMA = try container.decodeIfPresent(Bool.self, forKey: .noEMA) {
      pipeline.weights = noEMA ? .last : .averaged
    }
    pipeline.guideCheckpoint = try container.decodeIfPresent(
      String.self, forKey: .guideCheckpoint)
    pipeline.autoencoder = try named(.vaeCheckpoint, or: .automatic, AutoencoderChoice.init)
    pipeline.preset = try named(.modelName, or: nil) { DiTPreset(rawValue: $0) }
    pipeline.imageSize = try container.decodeIfPresent(Int.self, forKey: .imageSize)
    pipeline.headCount = try container.decodeIfPresent(Int.self, forKey: .numHeads)
    pipeline.classCount = try container.decodeIfPresent(Int.self, forKey: .numClasses)
    pipeline.family = try container.decodeIfPresent(ModelFamily.self, forKey: .family)
    pipeline.path = try container.decodeIfPresent(FlowPath.Shape.self, forKey: .path)
    pipeline.prediction = try container.decodeIfPresent(Flow.Prediction.self, forKey: .prediction)
    pipeline.classNamesPath = try container.decodeIfPresent(String.self, forKey: .classNames)
    pipeline.scaleFactor = try container.decodeIfPresent(Double.self, forKey: .scaleFactor)
    pipeline.latentStatsPath = try container.decodeIfPresent(String.self, forKey: .latentStats)
    pipeline.precision = try named(.precision, or: pipeline.precision) { Precision(name: $0) }
    // Other formats than int8 have no such choice.
    pipeline.precision = try named(.secondLayer, or: pipeline.precision) { name in
      let formats = Precision.allCases.filter { $0.secondLayerName == name }
      guard pipeline.precision.isInt8 else { return formats.isEmpty ? nil : pipeline.precision }
      return formats.first
    }
    pipeline.mode = try named(.mode, or: pipeline.mode) { ExecutionMode(rawValue: $0) }
    pipeline.cache = try named(.cache, or: pipeline.cache, FeatureCache.init)
    pipeline.device = try value(.device, or: pipeline.device)
    pipeline.allowsTF32 = try value(.tf32, or: pipeline.allowsTF32)
    options = SamplingOptions(
      sampler: try container.decodeIfPresent(SamplingMethod.self, forKey: .sampler),
      stepCount: try container.decodeIfPresent(Int.self, forKey: .samplingSteps),
      samplerOptions: try SamplerOptions(from: decoder),
      guidance: Guidance(
        scale: try container.decodeIfPresent(Double.self, forKey: .guidanceScale),
        channels: try guidedChannels(),
        interval: try named(.guidanceInterval, or: nil) {
          GuidanceInterval($0).map(Optional.some)
        }))
    seed = try value(.seed, or: seed)
    batchSize = try container.decodeIfPresent(Int.self, forKey: .batchSize)
  }

  /// Writes settings; what is nil is left out.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encodeIfPresent(pipeline.ditCheckpoint, forKey: .ditCheckpoint)
    if pipeline.weights != .automatic {
      try container.encode(pipeline.weights == .last, forKey: .noEMA)
    }
    try container.encodeIfPresent(pipeline.guideCheckpoint, forKey: .guideCheckpoint)
    try container.encodeIfPresent(pipeline.autoencoder.name, forKey: .vaeCheckpoint)
    try container.encodeIfPresent(pipeline.preset?.rawValue, forKey: .modelName)
    try container.encodeIfPresent(pipeline.imageSize, forKey: .imageSize)
    try container.encodeIfPresent(pipeline.headCount, forKey: .numHeads)
    try container.encodeIfPresent(pipeline.classCount, forKey: .numClasses)
    try container.encodeIfPresent(pipeline.family, forKey: .family)
    try container.encodeIfPresent(pipeline.path, forKey: .path)
    try container.encodeIfPresent(pipeline.prediction, forKey: .prediction)
    try container.encodeIfPresent(pipeline.classNamesPath, forKey: .classNames)
    try container.encodeIfPresent(pipeline.scaleFactor, forKey: .scaleFactor)
    try container.encodeIfPresent(pipeline.latentStatsPath, forKey: .latentStats)
    try container.encode(pipeline.precision.name, forKey: .precision)
    try container.encodeIfPresent(pipeline.precision.secondLayerName, forKey: .secondLayer)
    try container.encode(pipeline.mode.rawValue, forKey: .mode)
    try container.encode(pipeline.cache.description, forKey: .cache)
    try container.encode(pipeline.device, forKey: .device)
    try container.encode(pipeline.allowsTF32, forKey: .tf32)
    try container.encodeIfPresent(options.chosenSampler, forKey: .sampler)
    try container.encodeIfPresent(options.chosenStepCount, forKey: .samplingSteps)
    try options.samplerOptions.encode(to: encoder)
    try container.encodeIfPresent(options.guidance.chosenScale, forKey: .guidanceScale)
    try container.encodeIfPresent(options.guidance.channels?.description, forKey: .guidedChannels)
    try container.encodeIfPresent(
      options.guidance.chosenInterval?.description, forKey: .guidanceInterval)
    try container.encode(seed, forKey: .seed)
    try container.encodeIfPresent(batchSize, forKey: .batchSize)
  }
}

extension AutoencoderChoice {
  /// The choice of a name in options and files: a path, `none`, or `built-in autoencoder`.
  public init(_ name: String) {
    self =
      switch name {
      case "none", "None": .none
      case _ where EmbeddedModel.isAutoencoderName(name): .embedded
      default: .file(name)
      }
  }

  /// The name in options and files; nil for `automatic`.
  public var name: String? {
    switch self {
    case .automatic: nil
    case .none: "none"
    case .embedded: EmbeddedModel.autoencoderName
    case .file(let path): path
    }
  }
}
