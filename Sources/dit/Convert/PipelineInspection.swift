internal import Checkpoint
internal import Pipeline

/// What `dit inspect` finds out about the folder of a pipeline that diffusers wrote.
struct PipelineInspection: Encodable {
  let file: String
  let format = "diffusers"
  let kind = "pipeline"
  /// The diffusion process that the folder names; `dit sample` takes the published one.
  let scheduler: String?
  /// By the name of its folder.
  let parts: [String: Inspection]
  /// Part, findings and tree, in the order in which they are shown.
  private let shown: [(name: String, inspection: Inspection, tree: TensorTree)]

  private enum CodingKeys: CodingKey {
    case file, format, kind, scheduler, parts
  }

  /// Reads all tensors of all parts once.
  ///
  /// - Returns: nil if the path is no such folder.
  /// - Throws: `Interrupted`; `FileError` and `CheckpointError` for a part that is no good.
  init?(_ path: String) throws {
    let parts = PipelinePart.allCases.filter { $0.isPresent(in: path) }
    guard !parts.isEmpty else { return nil }
    file = path
    scheduler = PipelinePart.scheduler(in: path)
    shown = try parts.map { part in
      let checkpoint = try Checkpoint.openModel(path, part: part)
      return (part.rawValue, try Inspection(checkpoint), TensorTree(checkpoint.entries))
    }
    self.parts = Dictionary(uniqueKeysWithValues: shown.map { ($0.name, $0.inspection) })
  }

  /// The findings as text.
  ///
  /// - Parameter showingAll: also shows blocks that are like the one before.
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
