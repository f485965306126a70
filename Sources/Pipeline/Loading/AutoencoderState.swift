public import Checkpoint
internal import Layers
public import Models
public import Torch

/// A checkpoint's autoencoder in the names of diffusers, whatever the names in the file.
public struct AutoencoderState {
  /// The shape of the model.
  public enum Config: Sendable {
    case kl(AutoencoderKLConfig)
    case tiny(TinyAutoencoderConfig)
  }

  /// The parameters by their names in diffusers, those of the model and no others.
  public let tensors: [String: Tensor]
  /// Which autoencoder it is.
  public let config: Config
  /// The names, in the order in which the model makes its parameters.
  public let names: [String]

  /// Brings a checkpoint to the names of diffusers and checks that each tensor is there.
  ///
  /// - Parameter checkpoint: the whole autoencoder or one half of it, in any known dialect.
  /// - Throws: `PipelineError` that names all missing, unexpected and mismatched tensors.
  public init(_ checkpoint: Checkpoint) throws {
    guard let (kind, state) = KeyMap.autoencoder(checkpoint.stateDict) else {
      throw PipelineError(
        .unusable,
        "'\(checkpoint.path)' is no autoencoder: its tensors are named neither as AutoencoderKL's"
          + " nor as TinyAutoencoder's (the first is '\(checkpoint.entries.first?.name ?? "")')")
    }
    let store = ParameterStore(.load(state))
    do {
      let shapes = state.mapValues(\.shape)
      let config: Config =
        switch kind {
        case .kl: .kl(try AutoencoderState.config(shapes, checkpoint.metadata))
        case .tiny: .tiny(try .inferred(from: shapes))
        }
      _ = AutoencoderState.model(config, in: store)
      try store.verifyLoaded()
      self.config = config
      tensors = state
      names = store.names
    } catch let error as ModelError {
      throw PipelineError(.unusable, "'\(checkpoint.path)': \(error.message)")
    } catch let mismatch as ParameterStore.Mismatch {
      let name = kind == .kl ? "AutoencoderKL" : "TinyAutoencoder"
      throw PipelineError(.unusable, "'\(checkpoint.path)' is no whole \(name): \(mismatch)")
    }
  }

  /// The name of its kind.
  public var kind: String {
    switch config {
    case .kl: "AutoencoderKL"
    case .tiny: "TinyAutoencoder"
    }
  }

  /// A checksum of the encoder's parameters, on which alone latents depend: of names in diffusers,
  /// shapes and float32 bytes, whatever the file is called and however it is written.
  public var encoderChecksum: String {
    let lines = names.sorted().filter { $0.hasPrefix("encoder.") || $0.hasPrefix("quant_conv.") }
      .map { name -> String in
        let tensor = tensors[name].map { $0.detached.to(.float32).to(.cpu).contiguous }
        let sum = tensor?.withUnsafeBytes(CRC32.checksum) ?? 0
        return "\(name) \(tensor?.shape ?? []) \(sum)\n"
      }
    let sum = Array(lines.joined().utf8).withUnsafeBytes(CRC32.checksum)
    return CRC32.text(sum)
  }

  /// The configuration that shapes and metadata tell.
  private static func config(
    _ shapes: [String: [Int]], _ metadata: [String: String]
  ) throws -> AutoencoderKLConfig {
    var config = try AutoencoderKLConfig.inferred(from: shapes)
    if let factor = metadata["scaling_factor"].flatMap(Double.init), factor.isFinite, factor > 0 {
      config.scaleFactor = factor
    }
    return config
  }

  /// The model with its parameters in a type, on a GPU in the layout that its convolutions are
  /// fastest with.
  public func model(_ dtype: DType = .float32, on device: Device) -> any Autoencoder {
    let parameters =
      device.type == "cuda"
      ? tensors.mapValues { $0.to(dtype).to(device).channelsLast } : tensors
    return AutoencoderState.model(
      config, in: ParameterStore(.load(parameters, dtype: dtype, device: device)))
  }

  private static func model(_ config: Config, in store: ParameterStore) -> any Autoencoder {
    switch config {
    case .kl(let config): AutoencoderKL(config, at: store.root)
    case .tiny(let config): TinyAutoencoder(config, at: store.root)
    }
  }
}
