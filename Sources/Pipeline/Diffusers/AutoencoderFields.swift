internal import Checkpoint
internal import Files
internal import Models

/// What the shapes of an autoencoder's parameters do not show, from the `config.json` of diffusers next
/// to its file, or from the file's metadata, which has the same fields.
struct AutoencoderFields {
  /// The class in diffusers.
  private let className: String
  /// The `config.json`; nil if there is none.
  private let config: DiffusersFields?
  private let metadata: DiffusersFields

  /// Fields that a file's own metadata may have too.
  private static let sharedKeys = [
    "norm_num_groups", "scaling_factor", "shift_factor", "latents_mean", "latents_std",
  ]
  /// Fields that may not be null.
  private static let givenKeys = [
    "act_fn", "block_out_channels", "down_block_types", "in_channels", "latent_channels",
    "layers_per_block", "mid_block_add_attention", "norm_num_groups", "out_channels",
    "scaling_factor", "up_block_types", "upsample_fn", "upsampling_scaling_factor",
    "use_post_quant_conv", "use_quant_conv",
  ]

  /// Reads the fields of a checkpoint.
  ///
  /// A `config.json` of another model, next to a file that is not named as diffusers names it, does not
  /// count.
  ///
  /// - Throws: `PipelineError` if the `config.json` cannot be read, or is of a model that is not known.
  init(_ checkpoint: Checkpoint, className: String) throws {
    self.className = className
    metadata = DiffusersFields(metadata: checkpoint.metadata, path: checkpoint.path)
    let found = try checkpoint.configPath.map { try DiffusersFields($0) }
    let name = try found?.text("_class_name")
    if let found, let name, name != className, checkpoint.isNamedByDiffusers {
      throw found.fault(
        "_class_name",
        "is '\(name)', and the tensors are those of \(className); known are"
          + " AutoencoderKL and AutoencoderTiny")
    }
    config = name == className || name == nil && checkpoint.isNamedByDiffusers ? found : nil
    for fields in [metadata, config] { try fields?.refuseNull(AutoencoderFields.givenKeys) }
  }

  /// Fields that the file's own metadata and the `config.json` have with different values.
  var findings: [StateFinding] {
    guard let config else { return [] }
    return metadata.differences(from: config, in: AutoencoderFields.sharedKeys).map {
      .ownField($0.key, value: $0.own, other: $0.other, path: config.path)
    }
  }

  /// The configuration of an `AutoencoderKL`.
  func kl(_ shapes: [String: [Int]]) throws -> AutoencoderKLConfig {
    let groups = try value { try $0.integer("norm_num_groups") } ?? 32
    var result = try AutoencoderKLConfig.inferred(from: shapes, groupCount: groups)
    result.scaleFactor = try scaleFactor() ?? result.scaleFactor
    result.statistics = try statistics(channelCount: result.latentChannelCount)
    guard let config else { return result }
    let activation = try config.text("act_fn")?.lowercased()
    try config.require("act_fn", activation == "swish" ? "silu" : activation, is: "silu")
    try config.require("in_channels", try config.integer("in_channels"), is: 3)
    try config.require("out_channels", try config.integer("out_channels"), is: 3)
    let types = result.blockTypes
    for (key, own, kinds) in [
      ("down_block_types", types.down, AutoencoderKLConfig.downTypes),
      ("up_block_types", types.up, AutoencoderKLConfig.upTypes),
    ] {
      let named = try config.texts(key)
      for name in named ?? [] where !kinds.contains(name) {
        try config.require(key, name, is: kinds[0])
      }
      try config.require(key, named?.isEmpty == true ? nil : named, asInFile: own)
    }
    func check<Value: Equatable>(_ key: String, _ value: Value?, _ own: Value) throws {
      try config.require(key, value, asInFile: own)
    }
    try check("block_out_channels", try config.integers("block_out_channels"), result.blockChannels)
    try check("layers_per_block", try config.integer("layers_per_block"), result.layersPerBlock)
    try check(
      "latent_channels", try config.integer("latent_channels"), result.latentChannelCount)
    try check(
      "mid_block_add_attention", try config.flag("mid_block_add_attention") ?? true,
      result.hasAttention)
    if result.hasEncoder {
      try check("use_quant_conv", try config.flag("use_quant_conv") ?? true, result.hasQuantization)
    }
    if result.hasDecoder {
      try check(
        "use_post_quant_conv", try config.flag("use_post_quant_conv") ?? true,
        result.hasPostQuantization)
    }
    return result
  }

  /// The configuration of a `TinyAutoencoder`.
  func tiny(_ shapes: [String: [Int]]) throws -> TinyAutoencoderConfig {
    var result = try TinyAutoencoderConfig.inferred(from: shapes)
    result.scaleFactor = try scaleFactor() ?? result.scaleFactor
    result.statistics = try statistics(channelCount: result.latentChannelCount)
    guard let config else { return result }
    try config.require("act_fn", try config.text("act_fn")?.lowercased(), is: "relu")
    try config.require("upsample_fn", try config.text("upsample_fn"), is: "nearest")
    try config.require(
      "upsampling_scaling_factor", try config.integer("upsampling_scaling_factor"), is: 2)
    try config.require("in_channels", try config.integer("in_channels"), is: 3)
    try config.require("out_channels", try config.integer("out_channels"), is: 3)
    try config.require(
      "latent_channels", try config.integer("latent_channels"),
      asInFile: result.latentChannelCount)
    return result
  }

  /// A field of the file's own metadata, else of the `config.json`.
  private func value<Value>(_ read: (DiffusersFields) throws -> Value?) throws -> Value? {
    try read(metadata) ?? config.flatMap(read)
  }

  /// Where a field comes from, for messages.
  private func owner(of key: String) -> DiffusersFields {
    config.flatMap { $0.has(key) ? $0 : nil } ?? metadata
  }

  private func scaleFactor() throws -> Double? {
    let factor = try value { try $0.number("scaling_factor") }
    if let factor, factor <= 0 {
      throw owner(of: "scaling_factor").fault("scaling_factor", "is \(factor); it must be above 0")
    }
    return factor
  }

  /// Mean and deviation of latents: `shift_factor`, or `latents_mean` with `latents_std`.
  private func statistics(channelCount: Int) throws -> LatentStatistics {
    let shift = try value { try $0.number("shift_factor") } ?? 0
    let means = try value { try $0.numbers("latents_mean") }
    let deviations = try value { try $0.numbers("latents_std") }
    for (key, list) in [("latents_mean", means), ("latents_std", deviations)] {
      if let list, list.count != channelCount {
        throw owner(of: key).fault(
          key, "has \(list.count) numbers for \(channelCount) channels of latents")
      }
    }
    guard let means, let deviations else {
      guard means == nil, deviations == nil else {
        throw owner(of: means == nil ? "latents_std" : "latents_mean").fault(
          means == nil ? "latents_std" : "latents_mean",
          "stands without \(means == nil ? "latents_mean" : "latents_std")")
      }
      return LatentStatistics(means: shift == 0 ? [] : [shift])
    }
    guard deviations.allSatisfy({ $0 > 0 }) else {
      throw owner(of: "latents_std").fault("latents_std", "must have numbers above 0")
    }
    guard shift == 0 else {
      throw owner(of: "shift_factor").fault(
        "shift_factor", "stands beside latents_mean; one of them must be null")
    }
    return LatentStatistics(means: means, deviations: deviations)
  }

  /// What must be kept in a file's metadata, as the shapes do not show it; in JSON.
  static func metadata(_ config: AutoencoderState.Config) -> [String: String] {
    var result: [String: String] = [:]
    let (scale, ownScale, statistics): (Double, Double, LatentStatistics)
    switch config {
    case .kl(let config):
      if config.groupCount != 32 { result["norm_num_groups"] = "\(config.groupCount)" }
      (scale, ownScale, statistics) = (
        config.scaleFactor, AutoencoderKLConfig().scaleFactor, config.statistics
      )
    case .tiny(let config):
      (scale, ownScale, statistics) = (config.scaleFactor, 1, config.statistics)
    }
    if scale != ownScale { result["scaling_factor"] = "\(scale)" }
    if let shift = statistics.shiftFactor, shift != 0 { result["shift_factor"] = "\(shift)" }
    if !statistics.deviations.isEmpty {
      result["latents_mean"] = "\(statistics.means)"
      result["latents_std"] = "\(statistics.deviations)"
    }
    return result
  }
}

extension LatentStatistics {
  /// The mean as diffusers' `shift_factor`; nil for statistics of each channel.
  var shiftFactor: Double? {
    deviations.isEmpty ? means.first ?? 0 : nil
  }
}

extension AutoencoderKLConfig {
  /// Diffusers' classes of a stage of the encoder, without and with attention.
  static let downTypes = ["DownEncoderBlock2D", "AttnDownEncoderBlock2D"]
  /// Diffusers' classes of a stage of the decoder, without and with attention.
  static let upTypes = ["UpDecoderBlock2D", "AttnUpDecoderBlock2D"]

  /// Diffusers' classes of the stages, in the order of use.
  var blockTypes: (down: [String], up: [String]) {
    (
      blockChannels.indices.map { Self.downTypes[encoderAttention.contains($0) ? 1 : 0] },
      blockChannels.indices.reversed().map { Self.upTypes[decoderAttention.contains($0) ? 1 : 0] }
    )
  }
}
