internal import Torch

/// Sizes of tensors as a file states them: any numbers at all, so nothing here may overflow.
enum TensorExtent {
  /// The most dimensions a tensor may have, as in PyTorch.
  static let maximumRank = 64

  /// The product of the sizes; nil if one is negative, the product overflows or there are too many.
  static func elementCount(_ shape: [Int]) -> Int? {
    guard shape.count <= maximumRank, shape.allSatisfy({ $0 >= 0 }) else { return nil }
    // The product without zeros must fit too: strides are made of it.
    var product = 1
    for size in shape where size > 0 {
      let (result, overflow) = product.multipliedReportingOverflow(by: size)
      guard !overflow else { return nil }
      product = result
    }
    return shape.contains(0) ? 0 : product
  }

  /// The bytes of a row-major tensor; nil where `elementCount` is nil or they overflow.
  static func byteCount(_ shape: [Int], _ dtype: DType) -> Int? {
    guard let count = elementCount(shape) else { return nil }
    let (bytes, overflow) = count.multipliedReportingOverflow(by: dtype.byteCount)
    return overflow ? nil : bytes
  }
}
