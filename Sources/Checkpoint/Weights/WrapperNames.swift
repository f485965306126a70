/// The parts that wrappers of models put into the names of parameters.
enum WrapperNames {
  /// Data parallelism, compilation, sharding, recomputation, and the wrappers of DeepSpeed, Lightning,
  /// Opacus and MindSpore.
  private static let parts: Set<Substring> = [
    "module", "_module", "_orig_mod", "_fsdp_wrapped_module", "_fpw_module",
    "_checkpoint_wrapped_module", "_forward_module", "_ddp_module", "_backbone", "_network",
  ]
  /// The part that MindSpore's training cells put in front.
  private static let cell: Substring = "network"
  /// The most parts to take off the front.
  private static let maximumDepth = 4

  /// Removes the parts, wherever they are; numbers beside the weights need not have them.
  ///
  /// - Parameters:
  ///   - tensors: the tensors.
  ///   - isMindSpore: whether MindSpore wrote the file.
  /// - Returns: the tensors under the names of the model alone, and what was removed. Names stay if two
  ///   would become equal.
  static func removed(
    _ tensors: [StoredTensor], isMindSpore: Bool = false
  ) -> (tensors: [StoredTensor], notes: [CheckpointNote]) {
    let numbers = Set(tensors.filter(\.isNumber).map(\.name))
    var names = tensors.map { $0.name.split(separator: ".", omittingEmptySubsequences: false) }
    let weights = tensors.indices.filter { !numbers.contains(tensors[$0].name) }
    var notes: [CheckpointNote] = []
    for _ in 0..<maximumDepth {
      guard let first = weights.first.flatMap({ names[$0].first }),
        parts.contains(first) || isMindSpore && first == cell,
        weights.allSatisfy({ names[$0].count > 1 && names[$0].first == first })
      else { break }
      for index in weights { names[index].removeFirst() }
      notes.append(.removedPrefix(first + "."))
    }
    var removed: Set<Substring> = []
    for index in weights {
      guard let last = names[index].popLast() else { continue }
      removed.formUnion(names[index].filter(parts.contains))
      names[index].removeAll(where: parts.contains)
      names[index].append(last)
    }
    if !removed.isEmpty { notes.append(.removedParts(removed.map(String.init).sorted())) }
    let texts = names.map { $0.joined(separator: ".") }
    guard !notes.isEmpty, Set(texts).count == texts.count else { return (tensors, []) }
    return (zip(tensors, texts).map { $0.named($1) }, notes)
  }
}
