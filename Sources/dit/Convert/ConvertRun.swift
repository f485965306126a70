internal import Diffusion
internal import Checkpoint
internal import Foundation
internal import Models
internal import Pipeline
internal import Torch

/// One run of `dit convert`.
struct ConvertRun {
  private let command: ConvertCommand

  init(_ command: ConvertCommand) { self.command = command }

  func run() throws {
    let source = try Checkpoint.openModel(
      command.source, weights: command.weights, part: command.kind.map(\.part))
    source.notes.forEach { note($0.description) }
    let content = try content(of: source)
    try checkStatistics(content, source)
    let usual = try UsualSampling(
      command, of: content, source, process: process(_:learnsVariance:))
    if let dtype = command.dtype { try checkRange(content, dtype, source) }
    if command.format == .diffusers {
      try refuseNormNames()
      try writeFolder(content, source)
    } else {
      try writeFile(content, source, usual)
    }
  }

  private func writeFile(
    _ content: CheckpointContent, _ source: Checkpoint, _ usual: UsualSampling?
  ) throws {
    let target = try ConvertTarget(
      command.target, source: command.source, format: command.format?.file,
      replacesFile: command.force)
    var tensors = content.tensors ?? []
    if target.format == .mindspore, case .autoencoder(let autoencoder) = content,
      case .kl = autoencoder.config
    {
      tensors = StateDicts.mindSporeAutoencoder(tensors, norms: command.normNames ?? .gamma)
    } else {
      try refuseNormNames()
    }
    try describe(content)
    let progress = Progress("Converting", count: 2 * tensors.count, unit: "tensor")
    defer { progress.finish() }
    let records = try CheckpointWriter.write(
      tensors, as: target.format, floatType: command.dtype?.dtype,
      metadata: try metadata(source, content).merging(try usual?.metadata ?? [:]) { $1 },
      to: target.path
    ) { count in
      source.releasePages()
      progress.update(count)
      try Interrupt.check()
    }
    try CheckpointWriter.verify(target.path, against: records) { count in
      progress.update(tensors.count + count)
      try Interrupt.check()
    }
    progress.finish()
    try StandardOutput.write(target.path)
  }

  /// Refuses `--norm-names` for a target that it does not apply to.
  private func refuseNormNames() throws {
    guard command.normNames == nil else {
      throw UsageError(
        "--norm-names is for an AutoencoderKL that becomes a MindSpore file; leave it out here")
    }
  }

  private func writeFolder(_ content: CheckpointContent, _ source: Checkpoint) throws {
    var sources = [source]
    let folder: DiffusersFolder
    switch content {
    case .dit(let dit):
      let family = try process(dit).family
      guard !family.isFlow else {
        throw ConvertRun.noFolder(source.path, family)
      }
      let isWhole = PipelinePart.vae.isPresent(in: command.source)
      let path = command.vaeSource ?? (isWhole ? command.source : nil)
      let other = try path.map { try Checkpoint.openModel($0, part: .vae) }
      let autoencoder = try other.map { try AutoencoderState($0) }
      if let other, let autoencoder {
        sources.append(other)
        if let dtype = command.dtype { try checkRange(.autoencoder(autoencoder), dtype, other) }
      }
      folder = try DiffusersFolder(
        dit, autoencoder: autoencoder,
        classNames: try ClassNames(count: dit.config.classCount, metadata: source.metadata).names)
      if autoencoder == nil {
        note("no --vae-source: DiTPipeline.from_pretrained needs vae=None")
      }
      if dit.config.classCount != 1000 {
        note(
          "DiTPipeline takes 1000 for the null class, and this model has \(dit.config.classCount)"
            + " classes: sample with guidance_scale=1 there")
      }
    case .meanFlow(let network):
      throw ConvertRun.noFolder(source.path, network.family.family)
    case .autoencoder(let autoencoder):
      folder = try DiffusersFolder(autoencoder)
    case .other(let error): throw error
    }
    let path = try ConvertTarget.folder(command, for: folder)
    try describe(content)
    let progress = Progress("Converting", count: 2 * folder.tensorCount, unit: "tensor")
    defer { progress.finish() }
    try folder.write(
      to: path, floatType: command.dtype?.dtype, shardByteCount: command.shardSize * 1_000_000
    ) { count in
      sources.forEach { $0.releasePages() }
      progress.update(count)
      try Interrupt.check()
    }
    progress.finish()
    try StandardOutput.write(path)
  }

  /// Refuses statistics of other latents.
  private func checkStatistics(_ content: CheckpointContent, _ source: Checkpoint) throws {
    guard let path = command.latentStats else { return }
    guard command.format != .diffusers else {
      throw UsageError(
        "--latent-stats is for a file; diffusers has a place for them in its config.json")
    }
    guard let count = content.latentChannelCount else {
      throw UsageError(
        "--latent-stats: '\(source.path)' makes pixels, which have no such statistics")
    }
    try LatentStatistics(readFrom: path).check(channelCount: count, of: path, for: source.path)
  }

  private static func noFolder(_ path: String, _ family: ModelFamily) -> PipelineError {
    PipelineError(
      .unusable,
      "'\(path)' is a flow of family \(family.rawValue), and diffusers has no pipeline for one: give the"
        + " target another format, such as safetensors")
  }

  /// The model in the source.
  private func content(of source: Checkpoint) throws -> CheckpointContent {
    let content: CheckpointContent =
      switch command.kind {
      case .dit where MeanFlowState.isFound(in: source),
        nil where MeanFlowState.isFound(in: source):
        .meanFlow(
          try MeanFlowState(
            source, headCount: command.shape.numHeads, imageSize: command.shape.imageSize,
            classCount: command.shape.numClasses))
      case .dit:
        .dit(
          try DiTState(
            source, headCount: command.shape.numHeads, imageSize: command.shape.imageSize,
            classCount: command.shape.numClasses))
      case .vae: .autoencoder(try AutoencoderState(source))
      case nil:
        try CheckpointContent(
          source, headCount: command.shape.numHeads, imageSize: command.shape.imageSize,
          classCount: command.shape.numClasses)
      }
    switch content {
    case .dit(let dit): try dit.checkImageSize(command.shape.imageSize)
    case .meanFlow, .autoencoder: break
    case .other(let error): throw error
    }
    return content
  }

  /// Notes what is converted.
  private func describe(_ content: CheckpointContent) throws {
    content.findings.map(\.description).forEach(note)
    let name: String
    switch content {
    case .dit(let dit):
      name = dit.config.publishedName ?? "DiT"
    case .meanFlow(let network):
      name = network.config.preset?.rawValue ?? "MeanFlow"
    case .autoencoder(let autoencoder):
      name = autoencoder.kind
    case .other(let error): throw error
    }
    let tensors = content.tensors ?? []
    let count = tensors.reduce(0) { $0 + $1.tensor.count }
    note("\(name), \(tensors.count) tensors, \(count) numbers")
  }

  /// How the source was trained.
  private func process(_ dit: DiTState) throws -> DiffusionProcess {
    try process(dit.family, learnsVariance: dit.config.learnsVariance)
  }

  private func process(
    _ family: FamilyFinding, learnsVariance: Bool
  ) throws -> DiffusionProcess {
    let options = command.family
    return try family.process(
      family: options.family.family, shape: options.path, prediction: options.prediction,
      learnsVariance: learnsVariance)
  }

  /// The source's metadata, with what shapes do not show.
  private func metadata(
    _ source: Checkpoint, _ content: CheckpointContent
  ) throws -> [String: String] {
    // "format": "pt" is what other libraries write into safetensors files.
    var metadata = source.metadata.filter { $0.key != "format" }
    if case .dit(let dit) = content {
      FamilyFinding.keys.forEach { metadata[$0] = nil }
      let process = try process(dit)
      metadata.merge(FamilyFinding.metadata(of: process)) { $1 }
      // Named for other times and guidance.
      if process.family != dit.family.family { metadata[UsualSampling.key] = nil }
    }
    if case .meanFlow(let network) = content {
      let process = try process(network.family, learnsVariance: false)
      metadata.merge(FamilyFinding.metadata(of: process)) { $1 }
      metadata.merge(network.config.metadata) { $1 }
    }
    if case .dit(let dit) = content, [.given, .metadata, .rotations].contains(dit.headCountSource) {
      metadata["num_heads"] = String(dit.config.headCount)
    }
    if case .dit(let dit) = content { metadata.merge(dit.config.blockMetadata) { $1 } }
    if let trained = RunAutoencoder(metadata: metadata) {
      metadata[RunAutoencoder.key] = trained.withoutPath.text
    }
    if case .autoencoder(let autoencoder) = content {
      metadata.merge(autoencoder.metadata) { $1 }
    }
    if let path = command.latentStats {
      // With statistics the factor is 1.
      metadata.merge(try LatentStatistics(readFrom: path).metadata) { $1 }
      if case .autoencoder = content { metadata["scaling_factor"] = "1.0" }
    }
    // 1,000 rows count as ImageNet's classes unless the file says otherwise.
    if case .dit(let dit) = content, !dit.config.hasNullClass || dit.config.classRowCount == 1000 {
      metadata["num_classes"] = String(dit.config.classCount)
    }
    return metadata
  }

  /// Checks that no number overflows.
  private func checkRange(
    _ content: CheckpointContent, _ format: FloatFormat, _ source: Checkpoint
  ) throws {
    guard format == .fp16 else { return }
    for (name, tensor) in content.tensors ?? []
    where tensor.dtype.isFloatingPoint && tensor.count > 0 {
      let wide = tensor.to(.float32)
      if wide.isFinite.allTrue, !wide.to(.float16).isFinite.allTrue {
        throw PipelineError(
          .unusable,
          "'\(source.path)': tensor '\(name)' has numbers beyond 65504, which fp16 cannot hold;"
            + " use --dtype bf16")
      }
      source.releasePages()
      try Interrupt.check()
    }
  }
}
