internal import Torch

/// Makes the table of tensors from a pickle and the ranges of its storages.
enum PyTorchState {
  /// The contents of a file.
  ///
  /// - Parameters:
  ///   - graph: the values of the pickle.
  ///   - root: the outermost value.
  ///   - start: the place of the graph's bytes in the file.
  ///   - data: gives the range of a storage in the file by its key; nil if it is missing.
  /// - Returns: the tensors in the order of the state dict, metadata and notes.
  /// - Throws: `CheckpointError`.
  static func contents(
    _ graph: PickleGraph, root: PickleGraph.Index, start: Int = 0, data: (String) -> Range<Int>?
  ) throws -> CheckpointContents {
    let choice = try StateDictChoice(graph, root: root)
    func table(_ choice: StateDictChoice.Table) throws -> StateTable {
      StateTable(
        keys: choice.path,
        tensors: try choice.tensors.map { name, tensor in
          try stored(name, graph.tensors[tensor], graph, start: start, data: data)
        }, notes: choice.notes, isList: choice.isList)
    }
    return CheckpointContents(
      table: try choice.last.map(table) ?? StateTable(), averages: try choice.averages.map(table),
      unreadAverages: choice.unread, metadata: choice.metadata, isTraining: choice.isTraining)
  }

  private static func stored(
    _ name: String, _ tensor: PickleGraph.Tensor, _ graph: PickleGraph, start: Int,
    data: (String) -> Range<Int>?
  ) throws -> StoredTensor {
    let limit = TensorExtent.maximumRank
    let shape = graph.integers(tensor.shape, atMost: limit)
    switch (tensor.type.dtype, tensor.content) {
    case (let dtype?, .storage(let storage, let offset, let strides)):
      let range = try self.storage(storage, of: name, data: data)
      return try stored(
        name, dtype, shape, graph.integers(strides, atMost: limit), offset, in: range)
    case (let dtype?, .run(let run, let isColumnMajor)):
      guard
        let entry = NumPyRun(run, in: graph.bytes, startingAt: start)
          .entry(name, dtype, shape ?? [-1], isColumnMajor: isColumnMajor)
      else {
        throw CheckpointError(
          .damaged,
          "array \(clipped(name)) of shape \(shape.map { "\($0)" } ?? "unknown") and type \(dtype)"
            + " does not fit its bytes; was the file altered?")
      }
      return .known(entry)
    case (_, .parts(let byteCount)):
      return .foreign(
        try ForeignTensor(
          checking: name, type: tensor.type.description, shape: shape ?? [], byteCount: byteCount))
    case (nil, .storage(let storage, _, _)):
      let size = tensor.type.byteCount
      return .foreign(
        try ForeignTensor(
          checking: name, type: tensor.type.description, shape: shape ?? [],
          elementByteCount: size, byteCount: size == nil ? data(storage.key)?.count : nil))
    case (nil, .run):
      return .foreign(
        try ForeignTensor(
          checking: name, type: tensor.type.description, shape: shape ?? [],
          elementByteCount: tensor.type.byteCount))
    }
  }

  /// A tensor in the range of its storage.
  private static func stored(
    _ name: String, _ dtype: DType, _ shape: [Int]?, _ strides: [Int]?, _ offset: Int,
    in range: Range<Int>
  ) throws -> StoredTensor {
    guard let shape, let strides,
      let extent = StridedExtent(
        shape: shape, strides: strides, offset: offset, dtype: dtype,
        storageByteCount: range.count)
    else {
      let sizes = shape.map { "\($0)" } ?? "unknown"
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
