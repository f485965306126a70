internal import ArgumentParser
internal import Foundation
internal import Layers
internal import Models
internal import Pipeline
internal import Training

/// What is trained.
struct TrainModelOptions: ReplacingOptions {
  @Option(help: "A published size, DiT-XL/2 to DiT-S/8 (default: DiT-XL/2).")
  var modelName: DiTPreset?
  @Option(help: "Width, for a size of one's own.") var hiddenSize: Int?
  @Option(help: "Blocks, for a size of one's own.") var depth: Int?
  @Option(help: "Attention heads, for a size of one's own.") var numHeads: Int?
  @Option(help: "Patch size, for a size of one's own.") var patchSize: Int?
  @Option(help: "Learn the variance too (default: true, or as the checkpoint does).")
  var learnSigma: Bool?
  @Option(help: "Start from the weights of this checkpoint.") var ditCheckpoint: String?
  @Option(help: .hidden) var pretrainedModelPath: String?
  @Option(
    help: "Leave parameters as they are whose names contain one of these, with commas between.")
  var freeze: String?
  @Option(help: .hidden) var embedDim: Int?

  static let replaced: [String: Set<String>] = [
    "model-name": ["hidden-size", "depth", "num-heads", "patch-size", "embed-dim"],
    "hidden-size": ["model-name", "embed-dim"],
    "dit-checkpoint": ["pretrained-model-path"], "pretrained-model-path": ["dit-checkpoint"],
  ]

  func validate() throws {
    try Bounds.from(4, to: 65536).check(hiddenSize, "--hidden-size")
    try Bounds.modelCounts.check(depth, "--depth")
    try Bounds.modelCounts.check(numHeads, "--num-heads")
    try Bounds.modelCounts.check(patchSize, "--patch-size")
  }

  /// The checkpoint to start from; nil for none.
  var startPath: String? { ditCheckpoint ?? pretrainedModelPath }

  /// Parts of the names of parameters that are not trained.
  var frozen: [String] {
    (freeze ?? "").split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
      .filter { !$0.isEmpty }
  }

  /// Checks options that only make sense together; each alone may come from a configuration file.
  ///
  /// - Throws: `UsageError`.
  func checkTogether() throws {
    if let preset = modelName {
      return try check(size: preset, named: preset.rawValue)
    }
    guard startPath == nil else { return }
    let own = [hiddenSize, depth, numHeads].compactMap { $0 }
    guard !own.isEmpty else {
      return try check(size: .xl2, named: "\(DiTPreset.xl2.rawValue), the default,")
    }
    guard own.count == 3, patchSize != nil else {
      throw UsageError(
        "a size of one's own needs --hidden-size, --depth, --num-heads and --patch-size")
    }
    guard embedDim == nil || embedDim == hiddenSize else {
      throw UsageError("embed_dim \(embedDim ?? 0) contradicts hidden_size \(hiddenSize ?? 0)")
    }
  }

  private func check(size preset: DiTPreset, named name: String) throws {
    let size = preset.size
    try check(size.hiddenSize, size.depth, size.headCount, preset.patchSize, of: name)
  }

  /// Checks that sizes that were given are those of a model.
  private func check(
    _ width: Int, _ depth: Int, _ heads: Int, _ patch: Int, of model: String
  ) throws {
    let sizes: [(String, Int?, Int)] = [
      ("--hidden-size", hiddenSize, width), ("--embed-dim", embedDim, width),
      ("--depth", self.depth, depth), ("--num-heads", numHeads, heads),
      ("--patch-size", patchSize, patch),
    ]
    for case (let name, let given?, let size) in sizes where given != size {
      throw UsageError("\(name) \(given): \(model) has \(size); leave one of the two out")
    }
  }

  /// Checks that a checkpoint is of the model that the options name, as far as they do.
  ///
  /// - Parameters:
  ///   - config: that of the checkpoint.
  ///   - path: its file or folder.
  /// - Throws: `UsageError`.
  func check(_ config: DiTConfig, of path: String) throws {
    if let modelName, config.preset != modelName {
      let size =
        config.preset?.rawValue
        ?? "of width \(config.hiddenSize), depth \(config.depth), patch size \(config.patchSize)"
      throw UsageError(
        "--model-name: '\(path)' is no \(modelName.rawValue) but \(size); leave the option out")
    }
    try check(
      config.hiddenSize, config.depth, config.headCount, config.patchSize, of: "'\(path)'")
    guard learnSigma == nil || learnSigma == config.learnsVariance else {
      throw UsageError(
        "--learn-sigma \(learnSigma ?? true): '\(path)'"
          + " \(config.learnsVariance ? "learns" : "does not learn") the variance")
    }
  }

  /// Checks that a model can be made here, and that there is something of it to freeze and to train.
  ///
  /// - Throws: `UsageError`.
  func check(_ config: DiTConfig) throws {
    let store = ParameterStore(.shapes)
    _ = DiT(config, at: store.root)
    let byteCount = 4 * store.elementCount
    let memory = Int(ProcessInfo.processInfo.physicalMemory)
    guard byteCount < memory else {
      throw UsageError(
        "the weights of this model take \(Amount.bytes(byteCount)), and this machine has"
          + " \(Amount.bytes(memory)): choose a smaller one")
    }
    for part in frozen where !store.names.contains(where: { $0.contains(part) }) {
      let words = Set(store.names.flatMap { $0.split(separator: ".").map(String.init) })
      let hint = Spelling.nearest(to: part, among: words.sorted())
      throw UsageError(
        "--freeze \(part): no parameter has that in its name"
          + (hint.map { "; did you mean '\($0)'?" } ?? ""))
    }
    guard store.names.contains(where: { TrainingModel.trains($0, except: frozen) }) else {
      throw UsageError("--freeze \(freeze ?? ""): nothing is left to train")
    }
  }
}
