public import Checkpoint
internal import Inference
internal import Layers
public import Models
public import Torch

/// The parameters of a DiT under the published names, whatever the names in the file.
///
/// All names and shapes are checked; the numbers are read from the file when they are used.
public struct DiTState {
  /// The parameters by name, those of the model alone.
  public let tensors: [String: Tensor]
  /// The names in the order of the published checkpoints.
  public let names: [String]
  /// The shape of the model.
  public let config: DiTConfig
  /// Where the number of heads comes from.
  public let headCountSource: HeadCountSource
  /// What the file left open, or has besides.
  public let findings: [StateFinding]
  /// The family of the model, as far as the file tells.
  public let family: FamilyFinding
  /// The file that names another variance for `ddpm` than the one that it takes; nil if none does.
  let smallVariancePath: String?

  /// The paths of its files, in order; empty for the embedded one.
  var filePaths: [String] { checkpoint.filePaths }

  private let checkpoint: Checkpoint

  /// Finds the DiT in a checkpoint.
  ///
  /// Some files lack the position embedding; its size is then taken from the `config.json` of diffusers
  /// next to the file, else from `imageSize`.
  ///
  /// - Parameters:
  ///   - checkpoint: a DiT in the names of any known dialect.
  ///   - headCount: attention heads, if the caller knows them.
  ///   - imageSize: height and width of images in pixels, if the caller knows them.
  ///   - classCount: classes without the null class, if the caller knows them.
  ///   - downsamplingFactor: image size over latent size; by default 1 for a model of 3 channels, else 8.
  /// - Throws: `PipelineError` that names all missing, unexpected and mismatched tensors, a field of
  ///   diffusers' configuration that is not computed, or says that it is an autoencoder.
  public init(
    _ checkpoint: Checkpoint, headCount: Int? = nil, imageSize: Int? = nil, classCount: Int? = nil,
    downsamplingFactor: () throws -> Int? = { nil }
  ) throws {
    let isDiT = !StateDicts.ditPrefixes(of: checkpoint.entries.map(\.name)).isEmpty
    guard isDiT || !CheckpointContent.isAutoencoder(checkpoint) else {
      throw PipelineError.isAutoencoder(checkpoint.path)
    }
    guard !MeanFlowState.isFound(in: checkpoint) else {
      throw PipelineError(
        .unusable,
        "'\(checkpoint.path)' is a network of improved MeanFlow, which is sampled but not trained; here a DiT"
          + " is asked for")
    }
    self.checkpoint = checkpoint
    let path = checkpoint.path
    (tensors, names, config, headCountSource, findings, family, smallVariancePath) = try StateCheck(
      checkpoint)(
        "does not hold the parameters of a DiT"
      ) {
        let part = try ModelPart(checkpoint, "DiT") { StateDicts.ditPrefixes(of: $0) }
        let isForeign = StateDicts.isDiffusersDiT(part.state.keys)
        let fields = isForeign ? try TransformerFields(checkpoint) : nil
        var findings = part.findings + (fields?.differences(from: checkpoint.metadata) ?? [])
        let scheduler = isForeign ? try SchedulerFields(checkpoint) : nil
        var state = try StateDicts.dit(part.state) { checkpoint.releasePages() }
        let projectors = state.keys.filter { $0.hasPrefix(StateDicts.repaProjectors) }
        projectors.forEach { state[$0] = nil }
        if !projectors.isEmpty {
          findings.append(.leftOutTrainingParts(StateDicts.repaProjectors + "*"))
        }
        let rotations = RotaryTables(from: &state)
        if !rotations.isEmpty { findings.append(.leftOutTables(StateDicts.rotations + "*")) }
        let family = try FamilyFinding(
          checkpoint, hasProjectors: !projectors.isEmpty, hasRotations: !rotations.isEmpty,
          hasSpan: DiTConfig.hasSpan(state.keys))
        let lacksPositions =
          state["pos_embed"] == nil && state["y_embedder.embedding_table.weight"] != nil
          && state["final_layer.linear.weight"] != nil
        if lacksPositions {
          state["pos_embed"] = try DiTState.positions(state, path, latentSize: fields?.sampleSize) {
            isPixels in
            try imageSize.map { $0 / (try downsamplingFactor() ?? (isPixels ? 1 : 8)) }
          }
          findings.append(.computedPositions)
        }
        let (config, source) = try DiTConfig.inferred(
          from: state.mapValues(\.shape).merging(rotations.shapes) { $1 }, headCount: headCount,
          classCount: classCount,
          metadata: DiTState.metadata(of: checkpoint, fields))
        try rotations.check(config)
        if !config.hasNullClass { findings.append(.noNullClass(classCount: config.classCount)) }
        let names = try StateCheck.names(of: state) { _ = DiT(config, at: $0) }
        try fields?.check(config)
        return (
          state, names, config, source, findings, family,
          scheduler.flatMap { $0.hasSmallVariance && !config.learnsVariance ? $0.path : nil }
        )
      }
  }

  /// What the file says of heads and classes, the latter by their names if it has no number.
  private static func metadata(
    of checkpoint: Checkpoint, _ fields: TransformerFields?
  ) -> [String: String] {
    let own = ["num_heads": fields?.headCount, "num_classes": fields?.classCount]
    var metadata = checkpoint.metadata.merging(
      own.compactMapValues { $0.map(String.init) }
    ) { first, _ in first }
    let names = ClassNameList.decode(metadata)
    if metadata["num_classes"] == nil, !names.isEmpty {
      metadata["num_classes"] = String(names.count)
    }
    return metadata
  }

  /// What the model's latents are, as far as its metadata, its family or the run's autoencoder names
  /// statistics of theirs; nil for a factor alone.
  ///
  /// - Throws: `PipelineError` for statistics of other channels.
  package var scaling: LatentScaling? {
    get throws {
      if let statistics = try LatentStatistics(checkpoint, channelCount: config.channelCount) {
        return LatentScaling(statistics: statistics)
      }
      guard let trained = RunAutoencoder(metadata: checkpoint.metadata)?.scaling,
        !trained.statistics.areNeutral
      else { return nil }
      try trained.statistics.check(channelCount: config.channelCount, of: checkpoint.path)
      return trained
    }
  }

  /// Refuses an image size that is not the model's own.
  ///
  /// - Parameter wanted: height and width in pixels; nil for any.
  /// - Throws: `PipelineError`.
  package func checkImageSize(_ wanted: Int?) throws {
    guard let wanted else { return }
    let factor =
      RunAutoencoder(metadata: checkpoint.metadata)?.downsamplingFactor
      ?? (config.channelCount == 3 ? 1 : family.family.downsamplingFactor)
    let (size, overflow) = config.inputSize.multipliedReportingOverflow(by: factor)
    guard overflow || size != wanted else { return }
    let latents =
      factor == 1 ? "" : ", from latents of \(config.inputSize) x \(config.inputSize)"
    throw PipelineError(
      .setting,
      "image size \(wanted): '\(checkpoint.path)' makes images of \(size) x \(size) pixels\(latents)"
    )
  }

  /// Lays out the parameters for running; pages of the file are released as they are used up.
  ///
  /// - Parameters:
  ///   - precision: the number format, not `auto`.
  ///   - mode: how to run.
  ///   - device: where to run.
  /// - Returns: the model, ready to run.
  /// - Throws: `PipelineError` if the parameters do not suit the precision.
  func makeRunner(
    _ precision: Precision, in mode: ExecutionMode, on device: Device
  ) throws -> any DiTRunner {
    try checkpoint.laidOut(tensors, precision, in: mode, on: device) {
      parameters, partDone throws(InferenceError) in
      try Inference.makeRunner(
        mode, config, precision: precision, device: device, parameters: parameters,
        partDone: partDone)
    }
  }

  /// The table of sines and cosines.
  ///
  /// - Parameters:
  ///   - state: lacks it.
  ///   - path: the file, for messages.
  ///   - latentSize: height and width of the latents; nil to go by `ofImages`.
  ///   - ofImages: those that belong to the images, for a model of pixels or of latents.
  /// - Returns: the table, `[1, T, D]`.
  /// - Throws: `PipelineError` if the size is not known, or does not fit the patches; `ModelError`.
  private static func positions(
    _ state: [String: Tensor], _ path: String, latentSize: Int?,
    ofImages: (_ isPixels: Bool) throws -> Int?
  ) throws -> Tensor {
    guard let patches = state["x_embedder.proj.weight"]?.shape, patches.count == 4,
      patches.allSatisfy({ $0 > 0 }), patches[0].isMultiple(of: 4)
    else { throw ModelError("not a DiT: 'x_embedder.proj.weight' is no convolution of patches") }
    guard let size = try latentSize ?? ofImages(patches[1] == 3) else {
      throw PipelineError(
        .missingImageSize,
        "'\(path)' has no position embedding, and no config.json next to it tells its size")
    }
    guard size > 0, size.isMultiple(of: patches[2]), size / patches[2] <= 1024 else {
      throw PipelineError(
        .setting,
        "'\(path)': latents of \(size) x \(size) do not go into patches of \(patches[2])")
    }
    return PositionEmbedding.sinCos2D(width: patches[0], gridSize: size / patches[2])
  }
}
