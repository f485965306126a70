internal import Checkpoint
internal import Torch

/// The tensors of one model in a checkpoint, without the prefix of their names.
struct ModelPart {
  let state: [String: Tensor]
  let findings: [StateFinding]

  /// Finds the model.
  ///
  /// - Parameters:
  ///   - checkpoint: the file.
  ///   - kind: a word for the model.
  ///   - find: finds the prefixes under which names are the model's.
  /// - Throws: `PipelineError` if there are several.
  init(
    _ checkpoint: Checkpoint, _ kind: String, prefixes find: ([String]) -> [String]
  ) throws {
    let numbers = Set(checkpoint.numbers)
    let names = checkpoint.entries.map(\.name).filter { !numbers.contains($0) }
    let prefixes = find(names)
    let isBare = prefixes.isEmpty || prefixes.contains("")
    guard isBare || prefixes.count == 1 else {
      throw PipelineError(
        .unusable,
        "'\(checkpoint.path)' holds \(prefixes.count) \(kind)s, under \(nameList(prefixes)); one is"
          + " needed: save it by itself")
    }
    let prefix = isBare ? "" : prefixes[0]
    var state: [String: Tensor] = [:]
    for name in names where name.hasPrefix(prefix) {
      state[String(name.dropFirst(prefix.count))] = checkpoint.tensor(name)
    }
    self.state = state
    let others = names.filter { !$0.hasPrefix(prefix) }
    findings =
      (prefix.isEmpty
        ? [] : [.removedPrefix(prefix, leftOut: Checkpoint.families(of: others))])
      + (numbers.isEmpty ? [] : [.leftOutNumbers(checkpoint.numbers)])
  }
}
