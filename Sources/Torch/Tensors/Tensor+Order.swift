private enum Order {
  static let top = Operator("aten::topk")
  static let minimum = Operator("aten::min.dim")
  static let atMost = Operator("aten::le.Tensor")
  static let any = Operator("aten::any.dim")
  static let or = Operator("aten::logical_or")
  static let all = Operator("aten::all.dim")
}

extension Tensor {
  /// The smallest elements along the last dimension, in rising order, and their indices, int64.
  ///
  /// - Parameter count: at most the size of the dimension.
  /// - Returns: both, with `count` elements along the last dimension.
  public func smallest(_ count: Int) -> (values: Tensor, indices: Tensor) {
    let results = Order.top.results(.tensor(self), .int(count), -1, false, true, count: 2)
    return (results[0], results[1])
  }

  /// The smallest element along a dimension, and its index, int64.
  public func minimum(axis: Int) -> (values: Tensor, indices: Tensor) {
    let results = Order.minimum.results(.tensor(self), .int(axis), count: 2)
    return (results[0], results[1])
  }

  /// Whether elements are at most those of another tensor, as bool.
  public func isAtMost(_ other: Tensor) -> Tensor { Order.atMost(.tensor(self), .tensor(other)) }
  /// Whether any element along a dimension is true, as bool.
  public func anyTrue(axis: Int) -> Tensor { Order.any(.tensor(self), .int(axis)) }
  /// Whether all elements along a dimension are true, as bool.
  public func allTrue(axis: Int) -> Tensor { Order.all(.tensor(self), .int(axis)) }
  /// Whether the one or the other element is true, as bool.
  public func or(_ other: Tensor) -> Tensor { Order.or(.tensor(self), .tensor(other)) }
}
