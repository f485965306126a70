internal import Checkpoint
internal import Pipeline

/// The findings of `dit inspect` about a pipeline's folder of diffusers.
struct PipelineInspection: Encodable {
  let file: String
  let format = "diffusers"
  let kind = "pipeline"
  /// The diffusion process that the folder names. `dit sample` uses the published one.
  let scheduler: String?
  /// Findings by the part's subfolder.
  let parts: [String: Inspection]
  /// Parts in the order of the text.
  private let shown: [(name: String, inspection: Inspection, tree: TensorTree)]

  private enum CodingKeys: CodingKey {
    case file, format, kind, scheduler, parts
  }

  /// Reads all tensors of all parts; `shape` is what the user knows of the model.
  ///
  /// - Returns: nil if the path is not a pipeline's folder.
  /// - Throws: `Interrupted`; `FileError` or `CheckpointError` for a part that cannot be read.
  init?(_ path: String, _ shape: CheckpointShapeOptions) throws {
    let parts = PipelinePart.allCases.filter { $0.isPresent(in: path) }
    guard !parts.isEmpty else { return nil }
    file = path
    scheduler = PipelinePart.scheduler(in: path)
    shown = try parts.map { part in
      let checkpoint = try Checkpoint.openModel(path, part: part)
      return (part.rawValue, try Inspection(checkpoint, shape), TensorTree(checkpoint))
    }
    self.parts = Dictionary(uniqueKeysWithValues: shown.map { ($0.name, $0.inspection) })
  }

  /// The findings as text.
  ///
  /// - Parameter showingAll: also lists blocks that are like the one before.
  /// - Returns: the lines.
  func lines(showingAll: Bool) -> [String] {
    var lines = [
      Inspection.row("file", file), Inspection.row("format", format), Inspection.row("kind", kind),
    ]
    lines += scheduler.map { [Inspection.row("scheduler", $0)] } ?? []
    for (name, inspection, tree) in shown {
      lines += ["", "== \(name)"] + inspection.lines + [""] + tree.lines(showingAll: showingAll)
    }
    return lines
  }
}
