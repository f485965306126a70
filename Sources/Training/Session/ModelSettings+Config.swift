internal import Diffusion
internal import Foundation
internal import Layers
internal import Models
internal import Pipeline

extension TrainingSettings.ModelSettings {
  private typealias Size = (hiddenSize: Int, depth: Int, headCount: Int, patchSize: Int)

  /// Checks what can be checked before anything is opened: sizes that are given twice agree.
  ///
  /// - Throws: `TrainingError`.
  public func check() throws {
    if let preset { return try check(preset, named: preset.rawValue) }
    guard pretrainedPath == nil else { return }
    guard hiddenSize != nil || depth != nil || headCount != nil else {
      return try check(.xl2, named: "\(DiTPreset.xl2.rawValue), the default,")
    }
    guard hiddenSize != nil, depth != nil, headCount != nil, patchSize != nil else {
      throw TrainingError(
        .incompleteSize, "a custom size needs width, depth, attention heads and patch size")
    }
  }

  private func check(_ preset: DiTPreset, named name: String) throws {
    let size = preset.size
    try check((size.hiddenSize, size.depth, size.headCount, preset.patchSize), of: name)
  }

  private func check(_ size: Size, of model: String) throws {
    let sizes: [(TrainingError.Setting, name: String, given: Int?, actual: Int)] = [
      (.hiddenSize, "width", hiddenSize, size.hiddenSize), (.depth, "depth", depth, size.depth),
      (.headCount, "attention heads", headCount, size.headCount),
      (.patchSize, "patch size", patchSize, size.patchSize),
    ]
    for case (let setting, let name, let given?, let actual) in sizes where given != actual {
      throw TrainingError(.setting(setting), "\(name) \(given): \(model) has \(actual)")
    }
  }

  /// The configuration of the model for some data.
  ///
  /// - Parameters:
  ///   - source: the data.
  ///   - pretrained: the checkpoint that training starts from.
  ///   - classCount: classes without the null class.
  ///   - recipe: what is minimized, and what is trained.
  /// - Returns: the configuration.
  /// - Throws: `TrainingError` if model, data and checkpoint do not go together.
  func config(
    for source: TrainingSource, pretrained: PretrainedModel?, classCount: Int,
    recipe: TrainingConfig
  ) throws -> DiTConfig {
    let codec = source.codec
    let isFlow = recipe.objective.flow != nil
    guard !isFlow || learnsVariance != true else {
      throw TrainingError(.setting(.learnsVariance), "a flow has no variance to learn")
    }
    var config =
      try pretrained.map { try checked($0, isFlow: isFlow) }
      ?? newConfig(codec, imageSize: source.imageSize, learnsVariance: learnsVariance ?? !isFlow)
    config.classCount = classCount
    config.hasNullClass = true
    if let pretrained, pretrained.config.hasSpan, !recipe.objective.isMeanFlow {
      throw TrainingError(
        .setting(.objective), "'\(pretrained.path)' predicts average velocities")
    }
    config.hasSpan = recipe.objective.isMeanFlow
    try source.checkSize(for: config, of: pretrained?.path)
    guard config.channelCount == codec.channelCount else {
      throw TrainingError(
        .setting(.none),
        "the checkpoint takes \(config.channelCount) channels and the autoencoder gives"
          + " \(codec.channelCount)")
    }
    guard config.hiddenSize.isMultiple(of: config.headCount), config.hiddenSize.isMultiple(of: 4)
    else {
      throw TrainingError(
        .setting(.headCount),
        "\(config.headCount) heads for a width of \(config.hiddenSize): the number of heads must divide"
          + " the width, a multiple of 4")
    }
    let pairing = config.block.positions.pairing
    guard config.headWidth.isMultiple(of: pairing) else {
      throw TrainingError(
        .setting(.headCount),
        "heads of width \(config.headWidth): the rotations of these blocks need a multiple of \(pairing)"
      )
    }
    try checkParameters(of: config, frozen: recipe.frozen)
    return config
  }

  private func newConfig(
    _ codec: LatentCodec, imageSize: Int, learnsVariance: Bool
  ) -> DiTConfig {
    let inputSize = imageSize / codec.downsamplingFactor
    let parts = block?.config ?? .dit
    guard preset == nil, let hiddenSize, let depth, let headCount, let patchSize else {
      var config = (preset ?? .xl2).config(
        inputSize: inputSize, channelCount: codec.channelCount,
        learnsVariance: learnsVariance)
      config.block = parts
      return config
    }
    return DiTConfig(
      inputSize: inputSize, channelCount: codec.channelCount, patchSize: patchSize,
      hiddenSize: hiddenSize, depth: depth, headCount: headCount,
      learnsVariance: learnsVariance, block: parts)
  }

  /// The configuration of a pretrained model, which must be what the settings say of it. A flow leaves out
  /// its variance.
  private func checked(_ pretrained: PretrainedModel, isFlow: Bool) throws -> DiTConfig {
    var config = pretrained.config
    let path = pretrained.path
    if let preset, config.preset != preset {
      let size =
        config.preset?.rawValue
        ?? "of width \(config.hiddenSize), depth \(config.depth), patch size \(config.patchSize)"
      throw TrainingError(.setting(.preset), "'\(path)' is no \(preset.rawValue) but \(size)")
    }
    try check(
      (config.hiddenSize, config.depth, config.headCount, config.patchSize), of: "'\(path)'")
    if let block, config.block != block.config {
      throw TrainingError(
        .setting(.block), "blocks \(block.rawValue): '\(path)' has \(config.block)")
    }
    guard !isFlow else {
      config.learnsVariance = false
      return config
    }
    guard learnsVariance == nil || learnsVariance == config.learnsVariance else {
      throw TrainingError(
        .setting(.learnsVariance),
        "'\(path)' \(config.learnsVariance ? "learns" : "does not learn") the variance")
    }
    return config
  }

  /// Checks that the machine can hold the weights, and that some are frozen and trained as wanted.
  private func checkParameters(of config: DiTConfig, frozen: [String]) throws {
    let store = ParameterStore(.shapes)
    _ = DiT(config, at: store.root)
    let (byteCount, memory) = (
      4 * store.elementCount, Int(ProcessInfo.processInfo.physicalMemory)
    )
    guard byteCount < memory else {
      func text(_ count: Int) -> String { String(format: "%.3g GB", Double(count) / 1e9) }
      throw TrainingError(
        .setting(.none),
        "the weights of this model take \(text(byteCount)), and this machine has \(text(memory)):"
          + " choose a smaller one")
    }
    for part in frozen where !store.names.contains(where: { $0.contains(part) }) {
      let words = Set(store.names.flatMap { $0.split(separator: ".").map(String.init) })
      let hint = Spelling.nearest(to: part, among: words.sorted())
      throw TrainingError(
        .setting(.frozen),
        "frozen '\(part)': no parameter has that in its name"
          + (hint.map { "; did you mean '\($0)'?" } ?? ""))
    }
    guard store.names.contains(where: { TrainingModel.trains($0, except: frozen) }) else {
      throw TrainingError(.setting(.frozen), "all parameters are frozen: nothing is left to train")
    }
  }
}
