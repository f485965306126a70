/// A tensor whose element type is none that this package computes in, such as complex64: known by name
/// and size alone.
public struct ForeignTensor: Sendable, Equatable {
  /// The name in the state dict.
  public internal(set) var name: String
  /// The element type, as the file spells it.
  public let type: String
  /// The sizes of the dimensions.
  public let shape: [Int]
  /// The bytes in the file; nil if the format does not tell.
  public let byteCount: Int?

  /// The number of elements.
  public var elementCount: Int { shape.reduce(1, *) }

  /// A tensor as the file states it.
  ///
  /// - Throws: `CheckpointError` if its sizes are absurd.
  init(
    checking name: String, type: String, shape: [Int], elementByteCount: Int? = nil,
    byteCount: Int? = nil
  ) throws {
    let count = TensorExtent.elementCount(shape)
    let product = elementByteCount.flatMap { count?.multipliedReportingOverflow(by: $0) }
    guard count != nil, product?.overflow != true else {
      throw CheckpointError(
        .damaged, "tensor \(clipped(name)) has absurd sizes \(shape); was the file altered?")
    }
    (self.name, self.type, self.shape) = (name, type, shape)
    self.byteCount = byteCount ?? product?.partialValue
  }
}
