internal import Files
internal import ArgumentParser
internal import Checkpoint
internal import Pipeline
internal import Foundation

/// `dit inspect`
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Show what a checkpoint holds.",
    discussion: """
      Shows the format, the kind of model, its configuration and cost, the memory to sample and to \
      train it, element types, NaN and infinite numbers, and all tensors with their shapes. In the \
      folder of a pipeline it shows each part; the two halves of an autoencoder count as one model.

        dit inspect DiT-XL-2-256x256.pt
        dit inspect --json sd-vae-ft-mse.safetensors
        dit inspect DiT-XL-2-256/
        dit inspect taesd/
      """)

  @Argument(
    help: """
      A safetensors, PyTorch or MindSpore file, or a folder: of diffusers, of a training run, or \
      with the two halves of an autoencoder.
      """, completion: .file())
  var file: String
  @Option(help: "Print one JSON object.") var json = false
  @Option(help: "List every block, also blocks that are like the one before.") var all = false
  @OptionGroup var shape: CheckpointShapeOptions

  func run() throws {
    if let pipeline = try PipelineInspection(file, shape) {
      try show(pipeline) { pipeline.lines(showingAll: all) }
      return
    }
    var notes: [String] = []
    let checkpoint: Checkpoint
    do {
      checkpoint = try Checkpoint.openModel(file, part: nil)
    } catch let error as CheckpointError where error.reason == .severalAverages {
      notes = [error.message]
      checkpoint = try Checkpoint.openModel(file, weights: .last, part: nil)
    }
    let inspection = try Inspection(checkpoint, shape, notes: notes)
    try show(inspection) {
      inspection.lines + [""] + TensorTree(checkpoint).lines(showingAll: all)
    }
  }

  private func show(_ findings: some Encodable, lines: () -> [String]) throws {
    guard json else {
      try StandardOutput.write(lines().joined(separator: "\n"))
      return
    }
    try StandardOutput.write(JSON.report(findings))
  }
}
