internal import Files
internal import Foundation

/// A model in a pipeline's folder that diffusers wrote; the raw value is the model's folder.
public enum PipelinePart: String, CaseIterable, Sendable {
  /// The denoising network.
  case transformer
  /// The autoencoder.
  case vae

  /// The names of weights' files, without suffix.
  static let weightsStem = "diffusion_pytorch_model"
  /// The file that lists a pipeline's models and classes.
  static let pipelineFile = "model_index.json"
  /// The file with a model's configuration.
  static let configFile = "config.json"

  /// Whether a folder is a pipeline's that has this model.
  public func isPresent(in folder: String) -> Bool {
    Folder.hasFile("\(folder)/\(PipelinePart.pipelineFile)")
      && PipelinePart.weights(in: "\(folder)/\(rawValue)") != nil
  }

  /// The file of this model's weights, or the list of its files, in the folder of a pipeline or of the
  /// model; nil if it has none.
  func weights(in folder: String) -> String? {
    PipelinePart.weights(in: "\(folder)/\(rawValue)") ?? PipelinePart.weights(in: folder)
  }

  /// Whether a folder's name is this model's, or its average's.
  func isName(of folder: String) -> Bool {
    let name = Folder.named(folder).split(separator: "/").last.map(String.init)
    return name == rawValue || name == averageFolder
  }

  private static func weights(in folder: String) -> String? {
    ["safetensors", "safetensors.index.json", "bin", "bin.index.json", "fp16.safetensors"]
      .map { "\(folder)/\(weightsStem).\($0)" }.first(where: Folder.hasFile)
  }

  /// The folder in which diffusers' trainers keep this model's EMA, next to the model's own.
  private var averageFolder: String { rawValue + "_ema" }

  /// The file of this model's EMA, if a folder has that of a trainer of diffusers; nil if not.
  func averageWeights(in folder: String) -> String? {
    PipelinePart.weights(in: "\(folder)/\(averageFolder)")
  }

  /// The note that an EMA was taken.
  var averageNote: CheckpointNote {
    .tookStateDict(keys: [averageFolder], isAveraged: true, leftOut: [rawValue])
  }

  /// Metadata from the files next to the weights: class names and the scale factor of latents. Who reads
  /// the model reads its `config.json` again, and tells of its faults.
  ///
  /// - Throws: `CheckpointError` if the list of classes cannot be read.
  static func metadata(
    nextTo weights: String
  ) throws -> (texts: [String: String], notes: [CheckpointNote]) {
    let folder = Folder.parent(of: weights)
    guard isWeights(weights) else { return ([:], []) }
    var metadata: [String: String] = [:]
    var notes: [CheckpointNote] = []
    let pipelinePath = "\(Folder.parent(of: Folder.named(folder)))/\(pipelineFile)"
    try refuseRepeatedKey(pipelinePath)
    let pipeline = decode(Pipeline.self, pipelinePath)
    guard pipeline != nil || !Folder.hasFile(pipelinePath) else {
      throw CheckpointError(
        .damaged,
        "'\(pipelinePath)' is no JSON object that can be read, or its id2label is no table of texts;"
          + " was it copied completely?")
    }
    if let labels = pipeline?.id2label, transformer.isName(of: folder) {
      let names = (0..<labels.count).compactMap { labels[String($0)] }
      if let gap = (0..<labels.count).first(where: { labels[String($0)] == nil }) {
        notes.append(.incompleteClassNames(path: pipelinePath, count: labels.count, missing: gap))
      } else if !names.isEmpty {
        metadata["class_names"] = ClassNameList.encode(names)
      }
    }
    if let factor = decode(Config.self, "\(folder)/\(configFile)")?.scaling_factor {
      metadata["scaling_factor"] = "\(factor)"
    }
    return (metadata, notes)
  }

  /// - Throws: `CheckpointError` for a key that comes twice in a JSON file.
  static func refuseRepeatedKey(_ path: String) throws {
    guard let file = try? MappedFile(path) else { return }
    if let repeated = withExtendedLifetime(file, { RepeatedKey(in: file.bytes) }) {
      throw CheckpointError(.damaged, "'\(path)': \(repeated)")
    }
  }

  /// Whether a file has the name that diffusers gives to weights.
  static func isWeights(_ path: String) -> Bool {
    path.dropFirst(Folder.parent(of: path).count).contains(weightsStem)
  }

  /// A description of a pipeline's diffusion process; nil if its folder has none.
  public static func scheduler(in folder: String) -> String? {
    guard
      let config = decode(Scheduler.self, "\(folder)/scheduler/scheduler_config.json"),
      let name = config._class_name
    else { return nil }
    let steps = config.num_train_timesteps.map { "\($0) steps" }
    let schedule = config.beta_schedule.map { "beta schedule \(clipped($0))" }
    return [clipped(name), steps, schedule].compactMap { $0 }.joined(separator: ", ")
  }

  private struct Scheduler: Decodable {
    let _class_name: String?
    let num_train_timesteps: Int?
    let beta_schedule: String?
  }

  private struct Pipeline: Decodable {
    let id2label: [String: String]?
  }

  private struct Config: Decodable {
    let scaling_factor: Double?
  }

  private static func decode<Value: Decodable>(_ type: Value.Type, _ path: String) -> Value? {
    (try? MappedFile(path)).flatMap { try? JSONDecoder().decode(type, from: Data($0.bytes)) }
  }
}

extension Checkpoint {
  /// The `config.json` next to the weights, in which diffusers describes the model; nil if there is none.
  public var configPath: String? {
    guard isFile else { return nil }
    let folder = Folder.exists(path) ? path : Folder.parent(of: path)
    let config = "\(folder)/\(PipelinePart.configFile)"
    // A link that leads nowhere, or a folder, is an error of its reader.
    return Folder.hasFile(config) || Folder.isLink(config) || Folder.exists(config) ? config : nil
  }

  /// Whether the weights have the name that diffusers gives them.
  public var isNamedByDiffusers: Bool { isFile && PipelinePart.isWeights(path) }

  /// The `scheduler_config.json` of the pipeline that diffusers' weights of a transformer belong to; nil if
  /// there is none.
  public var schedulerPath: String? {
    let folder = Folder.named(Folder.parent(of: path))
    guard isNamedByDiffusers, PipelinePart.transformer.isName(of: folder) else { return nil }
    let config = "\(Folder.parent(of: folder))/scheduler/scheduler_config.json"
    return Folder.hasFile(config) ? config : nil
  }
}
