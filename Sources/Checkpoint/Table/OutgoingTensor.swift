internal import Torch

/// A tensor to write to a file.
struct OutgoingTensor {
  let name: String
  /// The type of its elements in the file.
  let dtype: DType
  let shape: [Int]
  private let tensor: Tensor

  /// - Parameters:
  ///   - name: its name in the file.
  ///   - tensor: the tensor, of any type, layout and device.
  ///   - floatType: the type of floating-point tensors in the file; nil keeps the tensor's.
  init(_ name: String, _ tensor: Tensor, floatType: DType?) {
    self.name = name
    self.tensor = tensor
    shape = tensor.shape
    dtype = tensor.dtype.isFloatingPoint ? floatType ?? tensor.dtype : tensor.dtype
  }

  /// The bytes that the elements take.
  var byteCount: Int { shape.reduce(dtype.byteCount, *) }

  /// Calls `body` with the elements in row-major order, which are valid during the call only.
  func withBytes(_ body: (UnsafeRawBufferPointer) throws -> Void) rethrows {
    let rows = withoutGradients { tensor.detached.to(dtype).to(.cpu).contiguous }
    try rows.withUnsafeBytes(body)
  }
}
