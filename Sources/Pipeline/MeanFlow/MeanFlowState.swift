public import Checkpoint
internal import Diffusion
internal import Inference
internal import Layers
public import Models
public import Torch

/// The parameters of a network of improved MeanFlow under the published names, within the published code's
/// `net`.
///
/// All names and shapes are checked; the numbers are read from the file when they are used.
public struct MeanFlowState {
  /// The parameters by name, those of the network alone.
  public let tensors: [String: Tensor]
  /// The names in the order of the published code.
  public let names: [String]
  /// The shape of the network, with the head of the instantaneous velocity if the file has it.
  public let config: MeanFlowConfig
  /// What the file has besides.
  public let findings: [StateFinding]
  /// The family.
  public let family: FamilyFinding

  /// The paths of its files, in order.
  var filePaths: [String] { checkpoint.filePaths }

  private let checkpoint: Checkpoint

  /// The beginnings of the names of what training alone needs.
  private static let velocityParts = ["v_heads.", "v_final_layer."]

  /// Whether a checkpoint holds such a network, to go by its names.
  public static func isFound(in checkpoint: Checkpoint) -> Bool {
    !StateDicts.meanFlowPrefixes(of: checkpoint.entries.map(\.name)).isEmpty
  }

  /// Finds the network in a checkpoint.
  ///
  /// Published files have the last layer of the instantaneous velocity and not its blocks; such a part is
  /// left out.
  ///
  /// - Parameters:
  ///   - checkpoint: a network in the published names.
  ///   - headCount: attention heads, if the caller knows them.
  ///   - imageSize: height and width of images in pixels, if the caller knows them.
  ///   - classCount: classes without the null class, if the caller knows them.
  ///   - downsamplingFactor: image size over latent size; nil for 8, or for 1 of a model of pixels.
  /// - Throws: `PipelineError` that names all missing, unexpected and mismatched tensors.
  public init(
    _ checkpoint: Checkpoint, headCount: Int? = nil, imageSize: Int? = nil, classCount: Int? = nil,
    downsamplingFactor: () throws -> Int? = { nil }
  ) throws {
    self.checkpoint = checkpoint
    (tensors, names, config, findings, family) = try StateCheck(checkpoint)(
      "does not hold the parameters of a network of improved MeanFlow"
    ) {
      let part = try ModelPart(checkpoint, "MeanFlow") { StateDicts.meanFlowPrefixes(of: $0) }
      var (state, findings) = (part.state, part.findings)
      let isPixels = state["x_embedder.proj.weight"]?.shape.dropFirst().first == 3
      let config = try MeanFlowConfig.inferred(
        from: state.mapValues(\.shape),
        inputSize: try imageSize.map { $0 / (try downsamplingFactor() ?? (isPixels ? 1 : 8)) },
        headCount: headCount, classCount: classCount, metadata: checkpoint.metadata)
      if !config.hasVelocityHead {
        for prefix in Self.velocityParts where state.keys.contains(where: { $0.hasPrefix(prefix) })
        {
          state = state.filter { !$0.key.hasPrefix(prefix) }
          findings.append(.leftOutTrainingParts(prefix + "*"))
        }
      }
      let names = try StateCheck.names(of: state) { _ = MeanFlow(config, at: $0) }
      return (state, names, config, findings, try FamilyFinding(ofMeanFlow: checkpoint))
    }
  }

  /// The network without what training alone needs, laid out for running; pages of the file are released as
  /// they are used up.
  ///
  /// - Parameters:
  ///   - precision: the number format, not `auto`.
  ///   - mode: how to run.
  ///   - device: where to run.
  /// - Returns: the network, ready to run.
  /// - Throws: `PipelineError` if the parameters do not suit the precision.
  func makeRunner(
    _ precision: Precision, in mode: ExecutionMode, on device: Device
  ) throws -> any MeanFlowRunner {
    var config = config
    config.hasVelocityHead = false
    let tensors = tensors.filter { name, _ in
      !Self.velocityParts.contains { name.hasPrefix($0) }
    }
    return try checkpoint.laidOut(tensors, precision, in: mode, on: device) {
      parameters, partDone throws(InferenceError) in
      try Inference.makeRunner(
        mode, config, precision: precision, device: device, parameters: parameters,
        partDone: partDone)
    }
  }
}
