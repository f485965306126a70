internal import Checkpoint
public import Diffusion
internal import Foundation

/// The family of a checkpoint, as far as the file tells: models of different families may have the same
/// names and shapes.
public struct FamilyFinding: Sendable, Equatable {
  /// What told the family.
  public enum Source: String, Sendable {
    /// Metadata that this library writes.
    case metadata = "from the file's metadata"
    /// The arguments of the published training script, which its checkpoints hold.
    case arguments = "by the arguments of its training"
    /// Parts that no other family has.
    case parts = "as the file has projectors of REPA"
    /// A part that LightningDiT alone has.
    case rotations = "as the file has LightningDiT's table of rotations"
    /// An embedder of spans.
    case spans =
      "as the network is told how far a step goes: times are taken from noise at 0 to data at 1"
    /// The network, which no other family has.
    case network = "as the network is that of improved MeanFlow"
    /// The name of the published file.
    case fileName = "by the name of the file"
    /// Nothing: the family that is most common.
    case fallback = "as nothing in the file says otherwise"
  }

  /// The family.
  public let family: ModelFamily
  /// The path and the prediction; the published ones unless the metadata name others.
  public let flow: Flow
  /// What told the family.
  public let source: Source
  /// Whether the network is told how far a step goes, as a DiT of average velocities is.
  private let hasSpan: Bool

  private static let (familyKey, pathKey, predictionKey) = ("family", "path", "prediction")
  /// The metadata's keys.
  public static let keys = [familyKey, pathKey, predictionKey]

  /// The families of flows, in words.
  private static var flows: String {
    ModelFamily.allCases.filter(\.isFlow).map(\.rawValue).joined(separator: ", ")
  }

  /// Texts for the metadata of a checkpoint; none for a process with discrete steps.
  ///
  /// - Parameter process: how the model was trained.
  /// - Returns: texts by key.
  public static func metadata(of process: DiffusionProcess) -> [String: String] {
    guard let flow = process.flow else { return [:] }
    return [
      familyKey: process.family.rawValue, pathKey: flow.shape.rawValue,
      predictionKey: flow.prediction.rawValue,
    ]
  }

  /// The family of a network of improved MeanFlow.
  ///
  /// - Parameter checkpoint: the file.
  /// - Throws: `PipelineError` for metadata that name another family.
  init(ofMeanFlow checkpoint: Checkpoint) throws {
    (family, flow, source, hasSpan) = (.meanflow, Flow(), .network, false)
    if let named = checkpoint.metadata[Self.familyKey], named != family.rawValue {
      throw PipelineError(
        .unusable,
        "'\(checkpoint.path)': its metadata name the family '\(named)', and the network is that of"
          + " \(family.rawValue)")
    }
  }

  /// Finds the family of a DiT.
  ///
  /// - Parameters:
  ///   - checkpoint: the file, with its metadata and name.
  ///   - hasProjectors: whether it has parts that only REPA trains.
  ///   - hasRotations: whether it has the tables of LightningDiT.
  ///   - hasSpan: whether the network is told how far a step goes.
  /// - Throws: `CheckpointError` for metadata that name an unknown family, path or prediction.
  init(
    _ checkpoint: Checkpoint, hasProjectors: Bool, hasRotations: Bool, hasSpan: Bool
  ) throws {
    func value<Value: RawRepresentable & CaseIterable>(
      _ key: String, _ type: Value.Type
    ) throws -> Value? where Value.RawValue == String {
      guard let text = checkpoint.metadata[key] else { return nil }
      guard let value = Value(rawValue: text) else {
        let known = Value.allCases.map(\.rawValue).joined(separator: ", ")
        throw PipelineError(
          .unusable,
          "'\(checkpoint.path)': its metadata name the \(key) '\(text)'; known are \(known)")
      }
      return value
    }
    let named = try value(Self.familyKey, ModelFamily.self)
    guard named != .meanflow else {
      throw PipelineError(
        .unusable,
        "'\(checkpoint.path)': its metadata name the family meanflow, and the network is a DiT")
    }
    guard named != .meansit || hasSpan else {
      throw PipelineError(
        .unusable,
        "'\(checkpoint.path)': its metadata name the family meansit, and it has no embedder of spans"
      )
    }
    self.hasSpan = hasSpan
    let trained = TrainingArguments(checkpoint.metadata)
    let published = trained?.flow ?? Flow()
    flow =
      named == nil
      ? published
      : Flow(
        try value(Self.pathKey, FlowPath.Shape.self) ?? published.shape,
        try value(Self.predictionKey, Flow.Prediction.self) ?? published.prediction)
    let name = (checkpoint.path as NSString).lastPathComponent
    (family, source) =
      if let named {
        (named, .metadata)
      } else if hasSpan {
        (.meansit, .spans)
      } else if hasProjectors {
        (.repa, .parts)
      } else if hasRotations {
        (.lightningdit, .rotations)
      } else if let trained {
        (trained.family, .arguments)
      } else if name.lowercased().prefixMatch(of: /sit-(s|b|l|xl)-[248]\b/) != nil {
        (.sit, .fileName)
      } else {
        (.dit, .fallback)
      }
  }

  /// How the model was trained, by the file and by what is chosen.
  ///
  /// - Parameters:
  ///   - chosen: a family in place of the file's; nil for that, or for `sit` if a path or prediction is chosen.
  ///   - shape: of the path, in place of the file's.
  ///   - prediction: in place of the file's.
  ///   - learnsVariance: whether the model has twice the channels.
  /// - Returns: the process.
  /// - Throws: `PipelineError` for a path or prediction of a model with discrete steps.
  public func process(
    family chosen: ModelFamily?, shape: FlowPath.Shape?, prediction: Flow.Prediction?,
    learnsVariance: Bool
  ) throws -> DiffusionProcess {
    let isFlowChosen = shape != nil || prediction != nil
    let fallback: ModelFamily =
      isFlowChosen && source == .fallback ? .sit : family
    let family = chosen ?? fallback
    try checkNetwork(family, shape: shape, prediction: prediction)
    guard family.isFlow else {
      guard !isFlowChosen else {
        throw PipelineError(
          .setting,
          "a path or prediction is chosen for the family \(family.rawValue), which has discrete steps"
            + " and predicts noise; flows are of the families \(Self.flows)")
      }
      return .ddpm(learnsVariance: learnsVariance)
    }
    return .flow(
      Flow(shape ?? flow.shape, prediction ?? flow.prediction), of: family)
  }
}

extension FamilyFinding {
  /// Refuses a family whose network is another, and a flow that the network has not.
  private func checkNetwork(
    _ chosen: ModelFamily, shape: FlowPath.Shape?, prediction: Flow.Prediction?
  ) throws {
    guard isOfNetwork(chosen) else {
      let (own, others) =
        switch family {
        case .meanflow: ("that of improved MeanFlow", "is of the family meanflow alone")
        case _ where hasSpan:
          (
            "a DiT told how far a step goes",
            "is of the family meansit, or of sit for its velocities"
          )
        default: ("a DiT", "is of one of the families \(Self.familiesOfDiT)")
        }
      throw PipelineError(
        .setting,
        "the family \(chosen.rawValue) is chosen, and the network is \(own), which \(others)")
    }
    guard
      !chosen.predictsAverages
        || (shape ?? .linear, prediction ?? .velocity) == (.linear, .velocity)
    else {
      throw PipelineError(
        .setting,
        "a path or prediction is chosen for the family \(chosen.rawValue), which has the linear path and"
          + " predicts velocities")
    }
  }

  /// Whether the network can be of a family.
  private func isOfNetwork(_ chosen: ModelFamily) -> Bool {
    if family == .meanflow { return chosen == .meanflow }
    return hasSpan ? chosen == .meansit || chosen == .sit : !chosen.predictsAverages
  }

  private static var familiesOfDiT: String {
    ModelFamily.allCases.filter { !$0.predictsAverages }.map(\.rawValue).joined(separator: ", ")
  }
}

/// The flow that the arguments of SiT's or REPA's training script name.
private struct TrainingArguments {
  let family: ModelFamily
  let flow: Flow

  /// - Parameter metadata: a checkpoint's; nil is returned without arguments of a flow.
  init?(_ metadata: [String: String]) {
    func text(_ name: String) -> String? { metadata["args." + name]?.lowercased() }
    guard text("path_type") != nil || text("model")?.hasPrefix("sit-") == true else { return nil }
    // REPA's alone: the encoder whose features are met.
    family = text("enc_type") == nil ? .sit : .repa
    let paths: [String: FlowPath.Shape] = ["gvp": .gvp, "cosine": .gvp, "vp": .vp]
    let predictions: [String: Flow.Prediction] = ["noise": .noise, "score": .score]
    flow = Flow(
      text("path_type").flatMap { paths[$0] } ?? .linear,
      text("prediction").flatMap { predictions[$0] } ?? .velocity)
  }
}
