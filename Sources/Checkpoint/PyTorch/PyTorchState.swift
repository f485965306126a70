internal import Torch

/// Makes the table of tensors from a pickle and the ranges of its storages.
enum PyTorchState {
  /// The contents of a file.
  ///
  /// - Parameters:
  ///   - graph: the values of the pickle.
  ///   - root: the outermost value.
  ///   - data: gives the range of a storage in the file by its key; nil if it is missing.
  /// - Returns: the tensors in the order of the state dict, metadata and notes.
  /// - Throws: `CheckpointError`.
  static func contents(
    _ graph: PickleGraph, root: PickleGraph.Index, data: (String) -> Range<Int>?
  ) throws -> CheckpointContents {
    let choice = try StateDictChoice(graph, root: root)
    func table(_ choice: StateDictChoice.Table) throws -> StateTable {
      StateTable(
        keys: choice.path,
        tensors: try choice.tensors.map { name, tensor in
          try stored(name, graph.tensors[tensor], graph, data: data)
        }, notes: choice.notes, isList: choice.isList)
    }
    return CheckpointContents(
      table: try choice.last.map(table) ?? StateTable(), average: try choice.average.map(table),
      unreadAverages: choice.unread, metadata: choice.metadata, isTraining: choice.isTraining)
  }

  private static func stored(
    _ name: String, _ tensor: PickleGraph.Tensor, _ graph: PickleGraph,
    data: (String) -> Range<Int>?
  ) throws -> StoredTensor {
    guard let dtype = tensor.type.dtype else {
      let shape = graph.integers(tensor.shape, atMost: TensorExtent.maximumRank) ?? []
      return .foreign(
        try ForeignTensor(
          checking: name, type: tensor.type.name, shape: shape,
          elementByteCount: tensor.type.byteCount))
    }
    let range = try storage(tensor.storage, of: name, data: data)
    let limit = TensorExtent.maximumRank
    guard let shape = graph.integers(tensor.shape, atMost: limit),
      let strides = graph.integers(tensor.strides, atMost: limit),
      let extent = StridedExtent(
        shape: shape, strides: strides, offset: tensor.offset, dtype: dtype,
        storageByteCount: range.count)
    else {
      let sizes = graph.integers(tensor.shape, atMost: limit).map { "\($0)" } ?? "unknown"
      throw CheckpointError(
        .damaged,
        "tensor \(clipped(name)) of shape \(sizes) and type \(dtype) does not lie in its storage"
          + " of \(range.count) bytes; was the file altered?")
    }
    return .known(
      Checkpoint.Entry(
        name: name, dtype: dtype, shape: shape, strides: extent.strides,
        byteOffset: range.lowerBound + extent.byteOffset, byteCount: extent.byteCount))
  }

  /// The range of a storage; its size must be what the pickle says.
  private static func storage(
    _ storage: PickleGraph.Storage, of name: String, data: (String) -> Range<Int>?
  ) throws -> Range<Int> {
    guard let range = data(storage.key) else {
      throw CheckpointError(
        .damaged,
        "tensor \(clipped(name)) lies in storage \(clipped(storage.key)), which is not in the file;"
          + " was it copied whole?")
    }
    let size = storage.type?.byteCount ?? 1
    guard range.count.isMultiple(of: size), range.count / size == storage.count else {
      throw CheckpointError(
        .damaged,
        "storage \(clipped(storage.key)) of tensor \(clipped(name)) has \(range.count) bytes and"
          + " should have \(storage.count) elements of \(size); was the file altered?")
    }
    return range
  }
}
