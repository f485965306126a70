internal import Diffusion
internal import Checkpoint
internal import Foundation
internal import Models
internal import Pipeline
internal import Torch

/// The findings of `dit inspect` about a file.
struct Inspection: Encodable {
  struct DType: Encodable {
    let dtype: String
    var tensors = 0
    var elements = 0
    var bytes = 0
  }

  struct Tensor: Encodable {
    let name: String
    let dtype: String
    let shape: [Int]
  }

  /// A number, a boolean or a text.
  enum Fact: Encodable {
    case number(Int)
    case flag(Bool)
    case text(String)

    var text: String {
      switch self {
      case .number(let value): String(value)
      case .flag(let value): String(value)
      case .text(let value): value
      }
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .number(let value): try container.encode(value)
      case .flag(let value): try container.encode(value)
      case .text(let value): try container.encode(value)
      }
    }
  }

  let file: String
  let format: String
  let kind: String
  /// The model's configuration, from its shapes.
  private(set) var config: [String: Fact] = [:]
  private(set) var multiplyAdds: Double?
  private(set) var memory: MemoryEstimate?
  private(set) var parameters = 0
  private(set) var dtypes: [DType] = []
  private(set) var nan = 0
  private(set) var infinite = 0
  let notes: [String]
  let metadata: [String: String]
  let tensors: [Tensor]
  /// The configuration in the order of the text.
  private var facts: [(name: String, value: Fact)] = []

  private enum CodingKeys: CodingKey {
    case file, format, kind, config, multiplyAdds, memory, parameters, dtypes, nan, infinite, notes
    case metadata, tensors
  }

  /// Reads all tensors; `shape` is what the user knows of the model, and `notes` what opening the file
  /// showed.
  ///
  /// - Throws: `Interrupted`; `PipelineError` if the image size is another than the model's.
  init(
    _ checkpoint: Checkpoint, _ shape: CheckpointShapeOptions, notes found: [String] = []
  ) throws {
    file = checkpoint.path
    format = checkpoint.format.rawValue
    metadata = checkpoint.metadata
    tensors =
      checkpoint.entries.map {
        Tensor(name: $0.name, dtype: $0.dtype.description, shape: $0.shape)
      }
      + checkpoint.foreignTensors.map { Tensor(name: $0.name, dtype: $0.type, shape: $0.shape) }
    var notes = found + checkpoint.notes.map(\.description)
    let name: String
    var found: DiTState?
    do {
      let content = try CheckpointContent(
        checkpoint, headCount: shape.numHeads, imageSize: shape.imageSize,
        classCount: shape.numClasses)
      notes += content.findings.map(\.description)
      switch content {
      case .dit(let dit):
        facts = try Inspection.facts(dit)
        (name, found) = ("DiT", dit)
        multiplyAdds = dit.config.multiplyAddCount
        memory = MemoryEstimate(dit.config)
      case .meanFlow(let network):
        name = "MeanFlow"
        facts = Inspection.facts(network)
        multiplyAdds = network.config.multiplyAddCount
        memory = MemoryEstimate(network.config)
      case .autoencoder(let autoencoder):
        (name, facts) = Inspection.facts(autoencoder.config)
      case .other(let error):
        name = "other"
        notes.append(error.wording)
      }
    } catch let error as PipelineError {
      name = "other"
      notes.append(error.wording)
    }
    try found?.checkImageSize(shape.imageSize)
    kind = checkpoint.isTraining ? "training checkpoint (\(name))" : name
    self.notes = notes
    config = Dictionary(facts, uniquingKeysWith: { $1 })
    try count(checkpoint)
  }

  private static func facts(_ dit: DiTState) throws -> [(name: String, value: Fact)] {
    let config = dit.config
    return [
      ("model", .text(config.publishedName ?? "no published size")),
      ("input_size", .number(config.inputSize)), ("channels", .number(config.channelCount)),
      ("patch_size", .number(config.patchSize)), ("hidden_size", .number(config.hiddenSize)),
      ("depth", .number(config.depth)), ("num_heads", .number(config.headCount)),
      ("num_heads_source", .text(dit.headCountSource.rawValue)),
      ("mlp_ratio", .number(config.mlpRatio)), ("num_classes", .number(config.classCount)),
      ("null_class", .flag(config.hasNullClass)),
      ("learn_sigma", .flag(config.learnsVariance)),
      ("family", .text(dit.family.family.rawValue)),
      ("family_source", .text(dit.family.source.rawValue)),
    ] + (config.block == .dit ? [] : [("block", .text("\(config.block)"))])
      + flowFacts(dit.family) + statisticsFacts(try dit.scaling?.statistics)
  }

  private static func facts(_ network: MeanFlowState) -> [(name: String, value: Fact)] {
    let config = network.config
    return [
      ("model", .text(config.preset?.rawValue ?? "no published size")),
      ("input_size", .number(config.inputSize)), ("channels", .number(config.channelCount)),
      ("patch_size", .number(config.patchSize)), ("hidden_size", .number(config.hiddenSize)),
      ("depth", .number(config.depth)), ("head_depth", .number(config.headDepth)),
      ("num_heads", .number(config.headCount)), ("mlp_width", .number(config.mlpWidth)),
      ("prefix_tokens", .number(config.prefix.count)),
      ("num_classes", .number(config.classCount)),
      ("velocity_head", .flag(config.hasVelocityHead)),
      ("family", .text(network.family.family.rawValue)),
      ("family_source", .text(network.family.source.rawValue)),
    ]
  }

  /// Whether latents are normalized by channel.
  private static func statisticsFacts(
    _ statistics: LatentStatistics?
  ) -> [(name: String, value: Fact)] {
    statistics.map { [("latent_statistics", .text("of \($0.deviations.count) channels"))] } ?? []
  }

  private static func flowFacts(_ family: FamilyFinding) -> [(name: String, value: Fact)] {
    guard family.family.isFlow else { return [] }
    return [
      ("path", .text(family.flow.shape.rawValue)),
      ("prediction", .text(family.flow.prediction.rawValue)),
    ]
  }

  private static func facts(
    _ config: AutoencoderState.Config
  ) -> (String, [(name: String, value: Fact)]) {
    switch config {
    case .kl(let config):
      let channels = config.blockChannels.map(String.init).joined(separator: ",")
      return (
        "AutoencoderKL",
        [
          ("block_channels", .text(channels)),
          ("layers_per_block", .number(config.layersPerBlock)),
          ("latent_channels", .number(config.latentChannelCount)),
          ("downsampling", .number(config.downsamplingFactor)),
          ("encoder", .flag(config.hasEncoder)), ("decoder", .flag(config.hasDecoder)),
        ] + statisticsFacts(config.statistics.areNeutral ? nil : config.statistics)
      )
    case .tiny(let config):
      return (
        "TinyAutoencoder",
        [
          ("latent_channels", .number(config.latentChannelCount)),
          ("downsampling", .number(config.downsamplingFactor)),
          ("encoder", .flag(!config.encoder.isEmpty)),
          ("decoder", .flag(!config.decoder.isEmpty)),
        ]
      )
    }
  }

  private mutating func count(_ checkpoint: Checkpoint) throws {
    var table: [String: DType] = [:]
    for entry in checkpoint.entries {
      let type = entry.dtype.description
      let byteCount = entry.elementCount * entry.dtype.byteCount
      table[type, default: DType(dtype: type)].tensors += 1
      table[type]?.elements += entry.elementCount
      table[type]?.bytes += byteCount
      parameters += entry.elementCount
      if entry.dtype.isFloatingPoint, entry.elementCount > 0,
        let tensor = checkpoint.tensor(entry.name)
      {
        // Eight-bit types have no comparison.
        let values = entry.dtype.byteCount == 1 ? tensor.to(.float32) : tensor
        let finite = Int(values.isFinite.sum().item)
        if finite < entry.elementCount {
          let numbers = Int(values.isEqual(to: values).sum().item)
          nan += entry.elementCount - numbers
          infinite += numbers - finite
        }
      }
      checkpoint.releasePages()
      try Interrupt.check()
    }
    for tensor in checkpoint.foreignTensors {
      table[tensor.type, default: DType(dtype: tensor.type)].tensors += 1
      // Shapes of types that are not computed in are as the file has them.
      table[tensor.type]?.elements.add(tensor.elementCount)
      table[tensor.type]?.bytes.add(tensor.byteCount ?? 0)
      parameters.add(tensor.elementCount)
    }
    dtypes = table.values.sorted { ($1.bytes, $0.dtype) < ($0.bytes, $1.dtype) }
  }

  /// A name and its value, as a line.
  static func row(_ name: String, _ value: String) -> String {
    name.padding(toLength: max(18, name.count + 1), withPad: " ", startingAt: 0) + value
  }

  /// The findings as text, without the tensors.
  var lines: [String] {
    let row = Inspection.row
    var lines = [row("file", file), row("format", format), row("kind", kind)]
    lines += facts.map { row($0.name, $0.value.text) }
    lines.append(row("parameters", String(parameters)))
    if let multiplyAdds {
      lines.append(
        row("multiply-adds", "\(Amount.rounded(Int(multiplyAdds))) a forward pass"))
    }
    lines += memory?.lines.map { row($0.0, $0.1) } ?? []
    lines += dtypes.map {
      row($0.dtype, "\($0.tensors) tensors, \($0.elements) elements, \($0.bytes) bytes")
    }
    lines.append(row("not finite", "\(nan) NaN, \(infinite) infinite"))
    lines += metadata.sorted { $0.key < $1.key }.map { key, value in
      let text = value.replacing("\n", with: " ")
      return row("metadata", "\(key) = \(text.count > 72 ? text.prefix(72) + "..." : text)")
    }
    return lines + notes.map { row("note", $0) }
  }
}

extension Int {
  /// Adds a number that is not negative, up to the greatest number.
  fileprivate mutating func add(_ other: Int) {
    let (sum, overflows) = addingReportingOverflow(other)
    self = overflows ? .max : sum
  }
}
