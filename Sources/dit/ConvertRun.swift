internal import Checkpoint
internal import Foundation
internal import Models
internal import Pipeline
internal import Torch

/// One run of `dit convert`.
struct ConvertRun {
  private let command: ConvertCommand

  init(_ command: ConvertCommand) { self.command = command }

  func run() throws {
    let source = try Checkpoint.open(command.source, weights: command.weights)
    source.notes.forEach(note)
    let (tensors, description, headCount) = try content(of: source)
    if let dtype = command.dtype { try checkRange(tensors, dtype, source) }
    let target = try ConvertTarget(
      command.target, source: command.source, replacesFile: command.force)
    note(description)
    let progress = Progress("Converting", count: 2 * tensors.count, unit: "tensor")
    defer { progress.finish() }
    let records = try CheckpointWriter.write(
      tensors, as: target.format, floatType: command.dtype?.dtype,
      metadata: metadata(source, headCount), to: target.path
    ) { count in
      source.releasePages()
      progress.update(count)
      try Interrupt.check()
    }
    try CheckpointWriter.verify(target.path, against: records) { count in
      progress.update(tensors.count + count)
      try Interrupt.check()
    }
    progress.finish()
    print(target.path)
  }

  /// The tensors by their canonical names, a line about them, and the heads if the file should say.
  private func content(
    of source: Checkpoint
  ) throws -> (tensors: [(name: String, tensor: Tensor)], description: String, headCount: Int?) {
    let content: CheckpointContent =
      switch command.kind {
      case .dit:
        .dit(
          try DiTState(source, headCount: command.numHeads, imageSize: command.imageSize))
      case .vae: .autoencoder(try AutoencoderState(source))
      case nil:
        try CheckpointContent(
          source, headCount: command.numHeads, imageSize: command.imageSize)
      }
    let name: String
    var headCount: Int?
    switch content {
    case .dit(let dit):
      dit.notes.forEach(note)
      name = dit.config.preset?.rawValue ?? "DiT"
      if [.given, .metadata].contains(dit.headCountSource) { headCount = dit.config.headCount }
    case .autoencoder(let autoencoder):
      name = autoencoder.kind
    case .other(let error): throw error
    }
    let tensors = content.tensors ?? []
    let count = tensors.reduce(0) { $0 + $1.tensor.count }
    return (tensors, "\(name), \(tensors.count) tensors, \(count) numbers", headCount)
  }

  /// The source's texts, and the number of heads, which no shape shows.
  private func metadata(_ source: Checkpoint, _ headCount: Int?) -> [String: String] {
    // Written by other libraries to say that the tensors are PyTorch's.
    var metadata = source.metadata.filter { $0.key != "format" }
    if let headCount { metadata["num_heads"] = String(headCount) }
    return metadata
  }

  /// Checks that no number becomes infinite.
  private func checkRange(
    _ tensors: [(name: String, tensor: Tensor)], _ format: FloatFormat, _ source: Checkpoint
  ) throws {
    guard format == .fp16 else { return }
    for (name, tensor) in tensors where tensor.dtype.isFloatingPoint && tensor.count > 0 {
      let wide = tensor.to(.float32)
      if wide.isFinite.allTrue, !wide.to(.float16).isFinite.allTrue {
        throw PipelineError(
          .unusable,
          "'\(source.path)': tensor '\(name)' has numbers beyond 65504, which fp16 cannot hold;"
            + " use --dtype bf16")
      }
      source.releasePages()
      try Interrupt.check()
    }
  }
}
