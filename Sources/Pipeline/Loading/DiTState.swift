public import Checkpoint
internal import Files
internal import Foundation
internal import Inference
internal import Layers
public import Models
public import Torch

/// The parameters of a DiT under the published names, whatever the names in the file.
///
/// All names and shapes are checked; the numbers are read from the file when they are used.
public struct DiTState {
  /// What the file left open, and how it was settled.
  public enum Finding: String, Sendable {
    /// The table of sines and cosines, which files of diffusers leave out.
    case computedPositions = "computed the position embedding, which the file lacks"
  }

  /// The parameters by name, those of the model alone.
  public let tensors: [String: Tensor]
  /// The names in the order of the published checkpoints.
  public let names: [String]
  /// The shape of the model.
  public let config: DiTConfig
  /// Where the number of heads comes from.
  public let headCountSource: HeadCountSource
  /// What the file left open.
  public let findings: [Finding]

  private let checkpoint: Checkpoint

  /// Finds the DiT in a checkpoint.
  ///
  /// A file of diffusers lacks the position embedding; its size is then taken from a `config.json`
  /// next to the file, else from `imageSize`.
  ///
  /// - Parameters:
  ///   - checkpoint: a DiT in the names of any known dialect.
  ///   - headCount: attention heads, if the caller knows them.
  ///   - imageSize: height and width of images in pixels, if the caller knows them.
  /// - Throws: `PipelineError` that names all missing, unexpected and mismatched tensors.
  public init(_ checkpoint: Checkpoint, headCount: Int? = nil, imageSize: Int? = nil) throws {
    self.checkpoint = checkpoint
    let path = checkpoint.path
    (tensors, names, config, headCountSource, findings) = try StateCheck(path: path)(
      "does not hold the parameters of a DiT"
    ) {
      let isForeign = StateDicts.isDiffusersDiT(checkpoint.entries.map(\.name))
      let settings = isForeign ? DiffusersSettings(nextTo: path) : nil
      var state = try StateDicts.dit(checkpoint.stateDict) { checkpoint.releasePages() }
      let lacksPositions = isForeign && state["pos_embed"] == nil
      if lacksPositions {
        state["pos_embed"] = try DiTState.positions(state, settings, imageSize, path)
      }
      var metadata = checkpoint.metadata
      if metadata["num_heads"] == nil, let count = settings?.num_attention_heads {
        metadata["num_heads"] = String(count)
      }
      let (config, source) = try DiTConfig.inferred(
        from: state.mapValues(\.shape), headCount: headCount, metadata: metadata)
      let names = try StateCheck.names(of: state) { _ = DiT(config, at: $0) }
      return (state, names, config, source, lacksPositions ? [.computedPositions] : [])
    }
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
    let dtype = precision.parameterType(in: mode)
    do {
      return try withoutGradients {
        try Inference.makeRunner(mode, config, precision: precision, device: device) {
          ParameterStore(.load(tensors, dtype: dtype, device: device))
        } partDone: {
          checkpoint.releasePages()
        }
      }
    } catch let error as InferenceError {
      throw PipelineError(.inference(error.reason), "'\(checkpoint.path)': \(error.message)")
    }
  }

  /// The table of sines and cosines, for latents of the size in the settings, else of the images.
  private static func positions(
    _ state: [String: Tensor], _ settings: DiffusersSettings?, _ imageSize: Int?, _ path: String
  ) throws -> Tensor {
    guard let patches = state["x_embedder.proj.weight"]?.shape, patches.count == 4, patches[2] > 0,
      patches[0] > 0, patches[0].isMultiple(of: 4)
    else { throw ModelError("not a DiT: 'pos_embed.proj.weight' is no convolution of patches") }
    let given = imageSize.map { patches[1] == 3 ? $0 : $0 / 8 }
    guard let size = settings?.sample_size ?? given else {
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

/// Part of the `config.json` that diffusers keeps next to a model's file.
private struct DiffusersSettings: Decodable {
  /// Height and width of the latents.
  let sample_size: Int?
  let num_attention_heads: Int?

  /// The settings next to a file; nil if there are none that can be read.
  init?(nextTo path: String) {
    guard let file = try? MappedFile(Folder.parent(of: path) + "/config.json"),
      let settings = try? JSONDecoder().decode(DiffusersSettings.self, from: Data(file.bytes))
    else { return nil }
    self = settings
  }
}
