internal import ArgumentParser
internal import Foundation
internal import Models

/// The model to train.
struct TrainModelOptions: ReplacingOptions {
  @Option(help: "A published size, DiT-XL/2 to DiT-S/8 (default: DiT-XL/2).")
  var modelName: DiTPreset?
  @Option(help: "Width of a custom size.") var hiddenSize: Int?
  @Option(help: "Number of blocks of a custom size.") var depth: Int?
  @Option(help: "Attention heads of a custom size.") var numHeads: Int?
  @Option(help: "Patch size of a custom size.") var patchSize: Int?
  @Option(
    help: """
      Parts of the blocks: of DiT, of LightningDiT, or those with QK-norm (modern) (default: as in \
      the checkpoint, else dit).
      """)
  var block: DiTBlockPreset?
  @Option(help: "Learn the variance too (default: as in the checkpoint, else true).")
  var learnSigma: Bool?
  @Option(help: "Start from the weights of this checkpoint.", completion: .file())
  var ditCheckpoint: String?
  @Option(help: .hidden) var pretrainedModelPath: String?
  @Option(help: "Start from its weights of the last step, not from its EMA.") var noEma: Bool?
  @Option(
    help: "Freeze parameters whose names contain one of these, comma-separated.")
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

  /// Parts of the names of parameters that are not trained.
  var frozen: [String] {
    (freeze ?? "").split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
      .filter { !$0.isEmpty }
  }
}
