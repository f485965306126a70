internal import ArgumentParser
internal import Checkpoint
internal import Foundation
internal import Pipeline

/// `dit inspect`
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Show what a checkpoint holds.",
    discussion: """
      Format, kind of model, configuration, cost, element types, NaN and infinities, and the names \
      with their shapes.

        dit inspect DiT-XL-2-256x256.pt
        dit inspect --json sd-vae-ft-mse.safetensors
      """)

  @Argument(help: "A safetensors, PyTorch or MindSpore file.") var file: String
  @Option(help: "Print one JSON object.") var json = false
  @Option(help: "List every block, also those that are like the one before.") var all = false

  func run() throws {
    let checkpoint = try Checkpoint.open(file)
    let inspection = try Inspection(checkpoint)
    if json {
      let encoder = JSONEncoder()
      encoder.keyEncodingStrategy = .convertToSnakeCase
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      print(String(decoding: try encoder.encode(inspection), as: UTF8.self))
    } else {
      let tree = TensorTree(checkpoint.entries).lines(showingAll: all)
      print((inspection.lines + [""] + tree).joined(separator: "\n"))
    }
  }
}
