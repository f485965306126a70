/// A row of a file's table of tensors.
enum StoredTensor: Equatable {
  case known(Checkpoint.Entry)
  case foreign(ForeignTensor)

  var name: String {
    switch self {
    case .known(let entry): entry.name
    case .foreign(let tensor): tensor.name
    }
  }

  var shape: [Int] {
    switch self {
    case .known(let entry): entry.shape
    case .foreign(let tensor): tensor.shape
    }
  }

  /// Whether it is a single number beside the weights, such as a count of steps.
  var isNumber: Bool {
    !name.contains(".") && (shape.isEmpty || shape == [1] && WeightNames.meansCounter(name))
  }

  /// The row in a table of several files.
  func inFile(_ index: Int) -> StoredTensor {
    guard case .known(var entry) = self else { return self }
    entry.fileIndex = index
    return .known(entry)
  }

  func named(_ name: String) -> StoredTensor {
    switch self {
    case .known(let entry): return .known(entry.named(name))
    case .foreign(var tensor):
      tensor.name = name
      return .foreign(tensor)
    }
  }
}
