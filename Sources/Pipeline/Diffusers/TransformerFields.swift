internal import Checkpoint
internal import Models

/// The `config.json` next to the weights of diffusers' `DiTTransformer2DModel`.
struct TransformerFields {
  private let config: DiffusersFields
  /// Height and width of the latents.
  let sampleSize: Int?
  /// Attention heads.
  let headCount: Int?
  /// Classes without the null class.
  let classCount: Int?

  /// Reads the fields of a checkpoint; nil if there is no `config.json`, or one of another model next to
  /// a file that is not named as diffusers names it.
  ///
  /// - Throws: `PipelineError` if it cannot be read, or asks for something that is not computed.
  init?(_ checkpoint: Checkpoint) throws {
    guard let config = try checkpoint.configPath.map({ try DiffusersFields($0) }) else {
      return nil
    }
    let name = try config.text("_class_name")
    guard name.map(TransformerFields.classNames.contains) ?? true else {
      guard checkpoint.isNamedByDiffusers else { return nil }
      throw config.fault(
        "_class_name", "is '\(name ?? "")', and the tensors are those of DiTTransformer2DModel")
    }
    self.config = config
    sampleSize = try config.side("sample_size")
    headCount = try config.integer("num_attention_heads")
    classCount = try config.integer("num_embeds_ada_norm")
    try config.require("activation_fn", try config.text("activation_fn"), is: "gelu-approximate")
    try config.require("norm_type", try config.text("norm_type"), is: "ada_norm_zero")
    try config.require(
      "norm_elementwise_affine", try config.flag("norm_elementwise_affine"), is: false)
    try config.require("attention_bias", try config.flag("attention_bias"), is: true)
    // The published models have 1e-6, and diffusers 1e-5 unless told otherwise: no pixel differs.
    if let epsilon = try config.number("norm_eps"), !(0...1.001e-5).contains(epsilon) {
      throw config.fault("norm_eps", "is \(epsilon); only 1e-6 is known")
    }
  }

  /// `Transformer2DModel` in versions before 0.29.
  private static let classNames: Set = ["DiTTransformer2DModel", "Transformer2DModel"]

  /// Heads that the file's own metadata has with another number.
  func differences(from metadata: [String: String]) -> [StateFinding] {
    guard let own = metadata["num_heads"], let headCount, Int(own) != headCount else { return [] }
    return [.ownField("num_heads", value: own, other: "\(headCount)", path: config.path)]
  }

  /// Refuses fields that contradict the tensors.
  ///
  /// - Throws: `PipelineError` that names the field.
  func check(_ model: DiTConfig) throws {
    let facts: [(String, Int)] = [
      ("num_layers", model.depth), ("patch_size", model.patchSize),
      ("in_channels", model.channelCount), ("out_channels", model.outputChannelCount),
      ("num_embeds_ada_norm", model.classCount), ("sample_size", model.inputSize),
    ]
    for (key, own) in facts {
      let value = key == "sample_size" ? sampleSize : try config.integer(key)
      try config.require(key, value, asInFile: own)
    }
    if let width = try config.integer("attention_head_dim"), let headCount {
      guard headCount.multipliedReportingOverflow(by: width) == (model.hiddenSize, false) else {
        throw config.fault(
          "attention_head_dim",
          "is \(width), which for \(headCount) heads is no width of \(model.hiddenSize)")
      }
    }
  }
}
