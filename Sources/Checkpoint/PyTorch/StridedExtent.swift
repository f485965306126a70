internal import Torch

/// The part of a storage that a tensor with strides covers.
struct StridedExtent {
  /// The strides to use, in elements.
  let strides: [Int]
  /// The offset of the first element in the storage.
  let byteOffset: Int
  /// The bytes from the first element to the end of the last one.
  let byteCount: Int

  /// The most bytes of an expanded tensor whose storage is smaller: a small file must not ask for
  /// terabytes.
  private static let maximumExpandedByteCount = 1 << 30

  /// Computes and checks the extent; nil if a number is negative or the extent leaves the storage.
  ///
  /// - Parameters:
  ///   - shape: the sizes.
  ///   - strides: the distances between neighbours along each dimension, in elements.
  ///   - offset: the index of the first element.
  ///   - dtype: the type of the elements.
  ///   - storageByteCount: the size of the storage.
  init?(shape: [Int], strides: [Int], offset: Int, dtype: DType, storageByteCount: Int) {
    guard shape.count == strides.count, let count = TensorExtent.elementCount(shape), offset >= 0,
      strides.allSatisfy({ $0 >= 0 }), let byteCount = TensorExtent.byteCount(shape, dtype)
    else { return nil }
    let storageCount = storageByteCount / dtype.byteCount
    let rows = Tensor.contiguousStrides(of: shape)
    guard count > 0 else {
      // PyTorch lets an empty tensor have any offset and strides.
      self.strides = rows
      (byteOffset, self.byteCount) = (0, 0)
      return
    }
    guard byteCount <= max(storageByteCount, StridedExtent.maximumExpandedByteCount) else {
      return nil
    }
    var last = offset
    for (size, stride) in zip(shape, strides) {
      let (distance, overflow) = stride.multipliedReportingOverflow(by: size - 1)
      let (sum, carry) = last.addingReportingOverflow(distance)
      guard !overflow, !carry else { return nil }
      last = sum
    }
    guard last < storageCount else { return nil }
    // The stride of a single element is never used; it may be any number.
    self.strides = shape.indices.map {
      shape[$0] == 1 && strides[$0] > storageCount ? rows[$0] : strides[$0]
    }
    byteOffset = offset * dtype.byteCount
    self.byteCount = (last - offset + 1) * dtype.byteCount
  }
}
