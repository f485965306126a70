public import Checkpoint
internal import Files
internal import Foundation
internal import Layers
public import Models
public import Torch

/// A checkpoint's DiT in the published names, whatever the names in the file.
public struct DiTState {
  /// The parameters by their published names, those of the model and no others.
  public let tensors: [String: Tensor]
  /// The shape of the model.
  public let config: DiTConfig
  /// Where the number of heads comes from.
  public let headCountSource: HeadCountSource
  /// What was found out on the way, a line each, for the user's eyes.
  public let notes: [String]

  /// Brings a checkpoint to the published names and checks that each tensor is there.
  ///
  /// A file of diffusers lacks the position embedding; its size is then that of a `config.json`
  /// beside the file, else of the images.
  ///
  /// - Parameters:
  ///   - checkpoint: a DiT in the names of any known dialect.
  ///   - headCount: attention heads, if the caller knows them.
  ///   - imageSize: height and width of images in pixels, if the caller knows them.
  /// - Throws: `PipelineError` that names all missing, unexpected and mismatched tensors.
  public init(_ checkpoint: Checkpoint, headCount: Int? = nil, imageSize: Int? = nil) throws {
    let path = checkpoint.path
    do {
      let isForeign = KeyMap.isDiffusersDiT(checkpoint.entries.map(\.name))
      let settings = isForeign ? DiffusersSettings(beside: path) : nil
      var notes: [String] = []
      var state = try KeyMap.dit(checkpoint.stateDict) { checkpoint.releasePages() }
      if state["pos_embed"] == nil, isForeign {
        state["pos_embed"] = try DiTState.positions(state, settings, imageSize, path)
        notes.append("computed the position embedding, which the file lacks")
      }
      var metadata = checkpoint.metadata
      if metadata["num_heads"] == nil, let count = settings?.num_attention_heads {
        metadata["num_heads"] = String(count)
      }
      (config, headCountSource) = try DiTConfig.inferred(
        from: state.mapValues(\.shape), headCount: headCount, metadata: metadata)
      let store = ParameterStore(.load(state))
      _ = DiT(config, at: store.root)
      try store.verifyLoaded()
      tensors = state
      self.notes = notes
    } catch let error as CheckpointError {
      throw PipelineError(.unusable, "'\(path)': \(error.message)")
    } catch let error as ModelError {
      throw PipelineError(.unusable, "'\(path)': \(error.message)")
    } catch let mismatch as ParameterStore.Mismatch {
      throw PipelineError(
        .unusable, "'\(path)' does not hold the parameters of a DiT: \(mismatch)")
    }
  }

  /// The names of the published checkpoints, in their order.
  public var names: [String] {
    let store = ParameterStore(.shapes)
    _ = DiT(config, at: store.root)
    return store.names
  }

  /// The fixed table for the size of latents that the settings or the image size give.
  private static func positions(
    _ state: [String: Tensor], _ settings: DiffusersSettings?, _ imageSize: Int?, _ path: String
  ) throws -> Tensor {
    guard let patches = state["x_embedder.proj.weight"]?.shape, patches.count == 4, patches[2] > 0,
      patches[0] > 0, patches[0].isMultiple(of: 4)
    else { throw ModelError("not a DiT: 'pos_embed.proj.weight' is no convolution of patches") }
    let given = imageSize.map { patches[1] == 3 ? $0 : $0 / 8 }
    guard let size = settings?.sample_size ?? given else {
      throw PipelineError(
        .setting,
        "'\(path)' has no position embedding, and no config.json beside it tells its size; say"
          + " --image-size")
    }
    guard size > 0, size.isMultiple(of: patches[2]), size / patches[2] <= 1024 else {
      throw PipelineError(
        .setting,
        "'\(path)': latents of \(size) x \(size) do not go into patches of \(patches[2])")
    }
    return PositionEmbedding.sinCos2D(width: patches[0], gridSize: size / patches[2])
  }
}

/// What is read of the `config.json` that diffusers keeps beside a model's file.
private struct DiffusersSettings: Decodable {
  /// Height and width of the latents.
  let sample_size: Int?
  let num_attention_heads: Int?

  /// The settings beside a file; nil if there are none that can be read.
  init?(beside path: String) {
    guard let file = try? MappedFile(Folder.parent(of: path) + "/config.json"),
      let settings = try? JSONDecoder().decode(DiffusersSettings.self, from: Data(file.bytes))
    else { return nil }
    self = settings
  }
}
