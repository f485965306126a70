public import Diffusion
public import Pipeline

/// The loaded model, as clients see it: no path, no weights.
public struct ModelDescription: Sendable {
  /// The name: that of the checkpoint's file without its extension, or of its folder.
  public let name: String
  /// When it was loaded, in seconds since 1970.
  public let loadTime: Int
  /// The classes.
  public let classNames: ClassNames
  /// Height and width of an image in pixels.
  public let imageSize: Int
  /// What holds where a request leaves it open: every option of the sampler and guidance is settled.
  public let defaults: SamplingOptions
  /// The guidance that the server was started with; what it leaves open depends on a request's steps.
  let guidance: Guidance
  /// How the model was trained.
  let process: DiffusionProcess
  /// The seed where a request gives none.
  public let defaultSeed: UInt64
  /// The samplers that fit the model.
  public let samplers: [SamplingMethod]
  /// The most channels of the latents that guidance acts on.
  public let guidedChannelLimit: Int
  /// The number format.
  public let precision: String
  /// Where it runs.
  public let device: String
  /// Images of one job at most.
  public let imageLimit: Int
  /// Jobs that may wait.
  public let queueLimit: Int
  /// Images that are drawn together at most.
  public let batchSize: Int
}
