public import Checkpoint
public import Inference
internal import Layers
internal import Models
public import Torch

/// The features of FID, sFID, the Inception Score, precision and recall: those of the network of
/// 2015-12-05, in float32.
public final class InceptionFeatures: FeatureNetwork {
  private let network: any InceptionNetwork
  private let device: Device

  /// `inception-2015-12-05`.
  public static let name = "inception-2015-12-05"

  /// Reads the weights and lays them out.
  ///
  /// - Parameters:
  ///   - checkpoint: torch-fidelity's `weights-inception-2015-12-05-6726825d.pth` in any format;
  ///     pytorch-fid's `pt_inception-2015-12-05-6726825d.pth` has the same names.
  ///   - device: where to run.
  ///   - mode: packed for a processor, or as written.
  /// - Throws: `EvaluationError` with all missing, unexpected and mismatched names; `TorchError` if
  ///   memory does not suffice.
  public init(
    _ checkpoint: Checkpoint, on device: Device = .cpu, mode: ExecutionMode = .graph
  ) throws {
    self.device = device
    network = try withTorchErrors {
      let store = ParameterStore(
        .load(checkpoint.stateDict, dtype: .float32, device: device))
      let model = InceptionV3(at: store.root)
      do {
        try store.verifyLoaded(ignoring: { $0.hasSuffix(".num_batches_tracked") })
      } catch let difference as ParameterStore.Mismatch {
        throw EvaluationError(
          .unknownFeatures,
          "'\(checkpoint.path)' has no whole Inception of 2015-12-05"
            + "\(InceptionFeatures.remark(on: checkpoint)): \(difference)")
      }
      return makeInception(model, mode: mode, device: device)
    }
    checkpoint.releasePages()
  }

  /// Says so if a file has the network that torchvision trains.
  private static func remark(on checkpoint: Checkpoint) -> String {
    let classes = checkpoint.tensor("fc.weight")?.shape.first
    let hasHead = checkpoint.entries.contains { $0.name.hasPrefix("AuxLogits.") }
    guard hasHead || classes == 1000 else { return "" }
    let parts = [classes.map { "\($0) classes" }, hasHead ? "an auxiliary head" : nil]
    return ", but torchvision's, with " + parts.compactMap { $0 }.joined(separator: " and ")
  }

  /// `inception-2015-12-05`.
  public var name: String { InceptionFeatures.name }
  /// 2048.
  public var featureCount: Int { InceptionV3.featureCount }
  /// 2023.
  public var spatialCount: Int? { InceptionV3.spatialCount }
  /// 1008.
  public var classCount: Int? { InceptionV3.classCount }

  /// The features of images of any size.
  public func features(of images: Tensor, check: () throws -> Void) throws -> ImageFeatures {
    let output = try withTorchErrors {
      try withoutGradients { try network(images.to(device)) { _, _ in try check() } }
    }
    return ImageFeatures(
      pooled: output.pooled.to(.cpu), spatial: output.spatial.to(.cpu),
      logits: output.logits.to(.cpu))
  }
}
