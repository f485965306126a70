private enum InPlace {
  static let copy = Operator("aten::copy_")
  static let fill = Operator("aten::fill_.Scalar")
  static let normal = Operator("aten::normal_")
  static let uniform = Operator("aten::uniform_")
}

extension Tensor {
  /// Writes the elements of another tensor into this one, converting type and device.
  public func copyInPlace(from source: Tensor) {
    InPlace.copy(.tensor(self), .tensor(source))
  }
  /// Sets all elements to a number.
  public func fillInPlace(_ value: Double) { InPlace.fill(.tensor(self), .double(value)) }
  /// Draws all elements from a normal distribution.
  public func normalInPlace(mean: Double = 0, standardDeviation: Double, generator: Generator) {
    InPlace.normal(
      .tensor(self), .double(mean), .double(standardDeviation), .generator(generator))
  }
  /// Draws all elements uniformly from a half-open range.
  public func uniformInPlace(from low: Double, to high: Double, generator: Generator) {
    InPlace.uniform(.tensor(self), .double(low), .double(high), .generator(generator))
  }
}
