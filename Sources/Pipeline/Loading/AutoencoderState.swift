public import Checkpoint
internal import Layers
public import Models
public import Torch

/// The parameters of an autoencoder under the names of diffusers, whatever the names in the file.
///
/// All names and shapes are checked; the numbers are read from the file when they are used.
public struct AutoencoderState {
  /// The shape of the model.
  public enum Config: Sendable {
    /// An `AutoencoderKL`.
    case kl(AutoencoderKLConfig)
    /// A `TinyAutoencoder`.
    case tiny(TinyAutoencoderConfig)
  }

  /// The parameters by name, those of the model alone.
  public let tensors: [String: Tensor]
  /// The kind of the model, with its shape.
  public let config: Config
  /// The names, in the order in which the model makes its parameters.
  public let names: [String]
  /// What the file has besides.
  public let findings: [StateFinding]

  /// Finds the autoencoder in a checkpoint.
  ///
  /// - Parameter checkpoint: the whole autoencoder, or its encoder or decoder alone, in any known dialect.
  /// - Throws: `PipelineError` that names all missing, unexpected and mismatched tensors.
  public init(_ checkpoint: Checkpoint) throws {
    try AutoencoderState.checkHalves(checkpoint)
    let part = try ModelPart(checkpoint, "autoencoder") { names in
      // Files of Stable Diffusion and halves have their own prefixes.
      StateDicts.autoencoder(checkpoint.stateDict) == nil
        ? StateDicts.autoencoderPrefixes(of: names) : []
    }
    guard let (kind, state) = StateDicts.autoencoder(part.state) else {
      guard StateDicts.ditPrefixes(of: checkpoint.entries.map(\.name)).isEmpty else {
        throw PipelineError(.unusable, "'\(checkpoint.path)' is no autoencoder but a DiT")
      }
      throw PipelineError(
        .unusable,
        "'\(checkpoint.path)' is no autoencoder: its tensors are named neither as AutoencoderKL's"
          + " nor as TinyAutoencoder's (the first are \(nameList(checkpoint.entries.prefix(3).map(\.name))))"
      )
    }
    let name = kind == .kl ? "AutoencoderKL" : "TinyAutoencoder"
    let fieldFindings: [StateFinding]
    (config, names, fieldFindings) = try StateCheck(checkpoint)("is no whole \(name)") {
      let shapes = state.mapValues(\.shape)
      let fields = try AutoencoderFields(
        checkpoint, className: kind == .kl ? "AutoencoderKL" : "AutoencoderTiny")
      let config: Config =
        switch kind {
        case .kl: .kl(try fields.kl(shapes))
        case .tiny: .tiny(try fields.tiny(shapes))
        }
      let names = try StateCheck.names(of: state) { _ = AutoencoderState.model(config, at: $0) }
      return (config, names, fields.findings)
    }
    findings = part.findings + fieldFindings
    tensors = state
  }

  /// The name of the kind whose latents have the statistics that are published.
  static let largeKind = "AutoencoderKL"

  /// Statistics of the latents of a kind of autoencoder, for its own latents: those of a small autoencoder are the
  /// large one's times its factor.
  func statistics(_ other: LatentStatistics, ofKind kind: String) -> LatentStatistics {
    guard kind != self.kind else { return other }
    let factor = AutoencoderKLConfig.publishedScaleFactor
    return other.multiplied(by: kind == AutoencoderState.largeKind ? factor : 1 / factor)
  }

  /// The name of its kind.
  public var kind: String {
    switch config {
    case .kl: AutoencoderState.largeKind
    case .tiny: "TinyAutoencoder"
    }
  }

  /// Texts that a file has to keep, as the shapes of the parameters do not show them: by diffusers' name
  /// of the field, in JSON.
  public var metadata: [String: String] { AutoencoderFields.metadata(config) }

  /// A checksum of what latents depend on before the scale factor: names, shapes and float32 bytes of the
  /// encoder's parameters, so that it is the same for any format of the file, and what shapes do not show.
  public var encoderChecksum: String {
    let lines = names.sorted().filter(StateDicts.isEncoderParameter).map { name -> String in
      let tensor = tensors[name].map { $0.detached.to(.float32).to(.cpu).contiguous }
      let sum = tensor?.withUnsafeBytes(CRC32.checksum) ?? 0
      return "\(name) \(tensor?.shape ?? []) \(sum)\n"
    }
    let fields = metadata.filter { $0.key != "scaling_factor" }.sorted { $0.key < $1.key }
      .map { "\($0.key) \($0.value)\n" }
    let sum = Array((lines + fields).joined().utf8).withUnsafeBytes(CRC32.checksum)
    return CRC32.text(sum)
  }

  /// Checks that two files of an autoencoder hold one half each, of the same kind.
  private static func checkHalves(_ checkpoint: Checkpoint) throws {
    let halves = checkpoint.halves
    guard !halves.isEmpty else { return }
    let state = checkpoint.stateDict
    let kinds = try halves.map { half, path, names in
      guard let (kind, own) = StateDicts.autoencoder(state.filter { names.contains($0.key) }),
        own.keys.allSatisfy({ StateDicts.isEncoderParameter($0) == (half == .encoder) })
      else {
        throw PipelineError(
          .unusable, "'\(path)' does not hold the \(half.rawValue) of an autoencoder alone")
      }
      return kind
    }
    guard Set(kinds).count <= 1 else {
      let paths = halves.map { "'\($0.path)'" }.joined(separator: " and ")
      throw PipelineError(.unusable, "\(paths) are halves of different kinds of autoencoders")
    }
  }

  /// Builds the model; on a GPU with channels last, which is fastest for its convolutions.
  ///
  /// - Parameters:
  ///   - dtype: what it computes in.
  ///   - device: where its parameters go.
  /// - Returns: the model.
  public func model(_ dtype: DType = .float32, on device: Device) -> any Autoencoder {
    let parameters =
      device.capabilities.halfConvolutions
      ? tensors.mapValues { $0.to(dtype).to(device).channelsLast } : tensors
    return AutoencoderState.model(
      config, at: ParameterStore(.load(parameters, dtype: dtype, device: device)).root)
  }

  private static func model(_ config: Config, at scope: Scope) -> any Autoencoder {
    switch config {
    case .kl(let config): AutoencoderKL(config, at: scope)
    case .tiny(let config): TinyAutoencoder(config, at: scope)
    }
  }
}
