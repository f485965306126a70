internal import Checkpoint
internal import Files
internal import Models
public import Torch

/// A folder that diffusers can load: a whole `DiTPipeline`, or an autoencoder alone.
public struct DiffusersFolder {
  /// One model of the folder.
  private struct Model {
    /// Its subfolder; empty for the folder itself.
    let folder: String
    let config: String
    let tensors: [(name: String, tensor: Tensor)]
  }

  private var models: [Model] = []
  /// Other files, by path within the folder.
  private var texts: [(path: String, text: String)] = []

  /// A pipeline.
  ///
  /// - Parameters:
  ///   - dit: the DiT.
  ///   - autoencoder: the autoencoder; without one, `from_pretrained` needs `vae=None`.
  ///   - classNames: class i's name at i, for `id2label`.
  /// - Throws: `PipelineError` for a model that diffusers cannot hold.
  public init(
    _ dit: DiTState, autoencoder: AutoencoderState? = nil, classNames: [String]? = nil
  ) throws {
    try DiffusersFolder.check(dit)
    let tensors = StateDicts.diffusersDiT(
      dit.names.compactMap { name in dit.tensors[name].map { (name, $0) } }, depth: dit.config.depth
    )
    models = [
      Model(
        folder: "transformer",
        config: try DiffusersConfig.text(DiffusersConfig.Transformer(dit.config)), tensors: tensors)
    ]
    if let autoencoder {
      let model = try DiffusersFolder.model(autoencoder, folder: "vae")
      guard case .kl(let config) = autoencoder.config,
        config.latentChannelCount == dit.config.channelCount
      else {
        throw PipelineError(
          .unusable,
          "the DiT makes \(dit.config.channelCount) channels, and the autoencoder takes others; they"
            + " do not belong together")
      }
      models.append(model)
    }
    let pipeline = DiffusersConfig.Pipeline(
      classNames: classNames, hasAutoencoder: autoencoder != nil)
    texts = [
      ("scheduler/scheduler_config.json", try DiffusersConfig.text(DiffusersConfig.Scheduler())),
      ("model_index.json", try DiffusersConfig.text(pipeline)),
    ]
  }

  /// The folder of an autoencoder alone.
  ///
  /// - Throws: `PipelineError` unless it is a whole `AutoencoderKL`.
  public init(_ autoencoder: AutoencoderState) throws {
    models = [try DiffusersFolder.model(autoencoder, folder: "")]
  }

  private static func model(_ autoencoder: AutoencoderState, folder: String) throws -> Model {
    guard case .kl(let config) = autoencoder.config, config.hasEncoder, config.hasDecoder else {
      throw PipelineError(
        .unusable, "a folder of diffusers needs an AutoencoderKL with both encoder and decoder")
    }
    return Model(
      folder: folder, config: try DiffusersConfig.text(DiffusersConfig.Autoencoder(config)),
      tensors: autoencoder.names.compactMap { name in
        autoencoder.tensors[name].map { (name, $0) }
      })
  }

  /// Checks that diffusers would compute the same.
  private static func check(_ dit: DiTState) throws {
    guard dit.config.hasNullClass else {
      throw PipelineError(
        .unusable, "the class table has no row for the null class, which diffusers' DiT needs")
    }
    guard dit.config.block == .dit else {
      throw PipelineError(
        .unusable, "the blocks have parts that diffusers' DiT lacks: \(dit.config.block)")
    }
    guard dit.config.mlpRatio == 4 else {
      throw PipelineError(
        .unusable,
        "the MLPs are \(dit.config.mlpRatio) times as wide as the tokens; diffusers' DiT has 4 times"
      )
    }
    guard let table = dit.tensors["pos_embed"] else { return }
    let expected = PositionEmbedding.sinCos2D(
      width: dit.config.hiddenSize, gridSize: dit.config.gridSize)
    let difference = withoutGradients { (table.to(.float32) - expected).magnitude.max().item }
    // 16-bit formats round sines and cosines by up to 0.004.
    guard difference < (table.dtype.byteCount < 4 ? 0.01 : 1e-4) else {
      throw PipelineError(
        .unusable,
        "the position embedding is not the fixed table that diffusers computes on loading; it would"
          + " be lost")
    }
  }

  /// Top-level files and folders that `write` would replace or remove.
  ///
  /// - Parameter path: the folder, which need not be there.
  /// - Returns: their names.
  /// - Throws: `FileError`.
  public func replaced(in path: String) throws -> [String] {
    guard Folder.exists(path) else { return [] }
    let isPipeline = models.first?.folder.isEmpty == false
    return try Folder.names(in: path).filter { name in
      isPipeline
        ? ["model_index.json", "scheduler", "transformer", "transformer_ema", "vae"].contains(name)
        : name == "config.json" || name.hasPrefix("diffusion_pytorch_model")
    }
  }

  /// The number of tensors in all models.
  public var tensorCount: Int { models.reduce(0) { $0 + $1.tensors.count } }

  /// Writes the folder, then reads the weights again to compare them.
  ///
  /// Files appear when all of them are complete, and replace files of the same names. If one of those
  /// cannot be moved away, all stay as they were.
  ///
  /// - Parameters:
  ///   - path: the folder, made if it is missing.
  ///   - floatType: the type of floating-point numbers in the files; nil to keep theirs.
  ///   - shardByteCount: the most bytes of weights in one file.
  ///   - afterEach: called with the number of tensors written and compared so far, up to
  ///     `2 * tensorCount`.
  /// - Throws: `FileError`, `CheckpointError`, and what `afterEach` throws.
  public func write(
    to path: String, floatType: DType? = nil, shardByteCount: Int = 5_000_000_000,
    afterEach: (Int) throws -> Void = { _ in }
  ) throws {
    try Folder.make(path)
    let staging = try Folder.makeTemporary(in: path)
    defer { try? Folder.remove(staging) }
    var shards: [CheckpointWriter.Shard] = []
    var done = 0
    for model in models {
      let folder = model.folder.isEmpty ? staging : "\(staging)/\(model.folder)"
      try Folder.make(folder)
      shards += try CheckpointWriter.writeShards(
        model.tensors, floatType: floatType, shardByteCount: shardByteCount, to: folder
      ) { try afterEach(done + $0) }
      try AtomicFile.write(model.config, to: folder + "/config.json")
      done += model.tensors.count
    }
    for shard in shards {
      try CheckpointWriter.verify(shard.path, against: shard.records) { try afterEach(done + $0) }
      done += shard.records.count
    }
    for (name, text) in texts {
      try Folder.make(Folder.parent(of: "\(staging)/\(name)"))
      try AtomicFile.write(text, to: "\(staging)/\(name)")
    }
    try replace(in: path, from: staging)
  }

  /// Moves the finished parts into the folder. If one cannot be moved, the old ones come back.
  private func replace(in path: String, from staging: String) throws {
    let old = try Folder.makeTemporary(in: path)
    let moves =
      try replaced(in: path).map { (from: "\(path)/\($0)", to: "\(old)/\($0)") }
      + Folder.names(in: staging).map { (from: "\(staging)/\($0)", to: "\(path)/\($0)") }
    for (index, move) in moves.enumerated() {
      do {
        try Folder.rename(move.from, to: move.to)
      } catch {
        do {
          for done in moves[..<index].reversed() { try Folder.rename(done.to, to: done.from) }
        } catch let error as FileError {
          throw FileError(
            error.reason, path: path,
            message: "\(error.message); old files of '\(path)' are in '\(old)'")
        }
        try Folder.remove(old)
        throw error
      }
    }
    do {
      try Folder.remove(old)
    } catch let error as FileError {
      throw FileError(
        error.reason, path: path,
        message: "the new files are in '\(path)', but old ones are left: \(error.message)")
    }
  }
}
