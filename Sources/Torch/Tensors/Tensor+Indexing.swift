private enum Indexing {
  static let narrow = Operator("aten::narrow")
  static let select = Operator("aten::select.int")
  static let indexSelect = Operator("aten::index_select")
  static let indexAdd = Operator("aten::index_add")
}

extension Tensor {
  /// A view of `count` indices along a dimension, from `start` on.
  public func narrowed(axis: Int, start: Int, count: Int) -> Tensor {
    Indexing.narrow(.tensor(self), .int(axis), .int(start), .int(count))
  }
  /// A view of a range of the first dimension.
  public subscript(range: Range<Int>) -> Tensor {
    narrowed(axis: 0, start: range.lowerBound, count: range.count)
  }
  /// A view at one index of the first dimension, without that dimension.
  public subscript(index: Int) -> Tensor {
    Indexing.select(.tensor(self), 0, .int(index))
  }
  /// A view at one index of a dimension, without that dimension.
  public func selected(axis: Int, index: Int) -> Tensor {
    Indexing.select(.tensor(self), .int(axis), .int(index))
  }
  /// Copies the indices `[K]`, int64, of a dimension.
  public func gathered(_ indices: Tensor, axis: Int = 0) -> Tensor {
    Indexing.indexSelect(.tensor(self), .int(axis), .tensor(indices))
  }

  /// Adds rows to those at some places of the first axis, `indices` int64.
  public func addingRows(_ rows: Tensor, at indices: Tensor) -> Tensor {
    Indexing.indexAdd(.tensor(self), 0, .tensor(indices), .tensor(rows))
  }
}
