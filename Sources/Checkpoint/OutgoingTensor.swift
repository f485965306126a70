internal import Torch

/// A tensor on its way into a file.
struct OutgoingTensor {
  let name: String
  /// The type of its elements in the file.
  let dtype: DType
  let shape: [Int]
  private let tensor: Tensor

  /// - Parameters:
  ///   - name: its name in the file.
  ///   - tensor: of any type, layout and device.
  ///   - floatType: what floating-point numbers become; nil for as they are.
  init(_ name: String, _ tensor: Tensor, floatType: DType?) {
    self.name = name
    self.tensor = tensor
    shape = tensor.shape
    dtype = tensor.dtype.isFloatingPoint ? floatType ?? tensor.dtype : tensor.dtype
  }

  /// The bytes that the elements take.
  var byteCount: Int { shape.reduce(dtype.byteCount, *) }

  /// Calls `body` with the elements in row-major order; they may be made for the call alone.
  func withBytes(_ body: (UnsafeRawBufferPointer) throws -> Void) rethrows {
    let rows = withoutGradients { tensor.detached.to(dtype).to(.cpu).contiguous }
    try rows.withUnsafeBytes(body)
  }
}
