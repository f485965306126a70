internal import CTorch

/// A libtorch tensor: an array of numbers on a device, with shared storage.
///
/// Operations named by an adjective or noun return a new tensor, which may be a view; those named
/// `...InPlace` change this one. A tensor must be used by one thread at a time.
///
/// Wrong arguments (shapes, types) end the program with a message; within `withTorchErrors` they are
/// thrown.
public final class Tensor {
  let handle: ctorch_tensor

  /// Takes over a reference.
  init(owning handle: ctorch_tensor) { self.handle = handle }

  deinit { ctorch_tensor_release(handle) }

  /// The number of dimensions.
  public var rank: Int { Int(ctorch_tensor_rank(handle)) }

  /// The number of elements.
  public var count: Int { Int(ctorch_tensor_count(handle)) }

  /// The sizes of the dimensions.
  public var shape: [Int] {
    UnsafeBufferPointer(start: ctorch_tensor_sizes(handle), count: rank).map(Int.init)
  }

  /// The distance between neighbours along each dimension, in elements.
  public var strides: [Int] {
    UnsafeBufferPointer(start: ctorch_tensor_strides(handle), count: rank).map(Int.init)
  }

  /// The size of one dimension; negative axes count from the end. 0 for the placeholder of a failed
  /// operation.
  public func size(_ axis: Int) -> Int {
    let shape = self.shape
    let index = axis < 0 ? axis + shape.count : axis
    guard shape.indices.contains(index) else {
      if isPlaceholder { return 0 }
      fatalError("size: axis \(axis) of a tensor of shape \(shape)")
    }
    return shape[index]
  }

  /// The sizes of a tensor with three dimensions; zeros for the placeholder of a failed operation.
  public var size3: (Int, Int, Int) {
    let sizes = sizes(3)
    return (sizes[0], sizes[1], sizes[2])
  }

  /// The sizes of a tensor with four dimensions; zeros for the placeholder of a failed operation.
  public var size4: (Int, Int, Int, Int) {
    let sizes = sizes(4)
    return (sizes[0], sizes[1], sizes[2], sizes[3])
  }

  private func sizes(_ count: Int) -> [Int] {
    let shape = self.shape
    guard shape.count == count else {
      if isPlaceholder { return [Int](repeating: 0, count: count) }
      fatalError("a tensor of \(count) dimensions is needed, not of shape \(shape)")
    }
    return shape
  }

  /// Whether this stands for the result of an operation that failed within `withTorchErrors`.
  private var isPlaceholder: Bool { ErrorScope.hasFailed && shape == [0] }

  /// The type of the elements.
  public var dtype: DType {
    guard let dtype = DType(rawValue: ctorch_tensor_dtype(handle)) else {
      fatalError("a tensor has libtorch's element type \(ctorch_tensor_dtype(handle))")
    }
    return dtype
  }

  /// The size of all elements in bytes.
  public var byteCount: Int { count * Int(ctorch_tensor_element_size(handle)) }

  /// Whether the elements lie in row-major order without gaps.
  public var isContiguous: Bool { ctorch_tensor_is_contiguous(handle) }

  /// The device of the storage.
  public var device: Device {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 32) { text in
      guard let start = text.baseAddress else { fatalError("no room for a device's name") }
      ctorch_tensor_device(handle, start, text.count)
      let spelling = String(cString: start)
      guard let device = Device(spelling) else { fatalError("device '\(spelling)'") }
      return device
    }
  }

  /// Whether the storage is on the processor. Faster than `device`.
  var isCPU: Bool { ctorch_tensor_is_cpu(handle) }
}

extension Tensor: CustomStringConvertible {
  /// Shape, type and device, without the elements.
  public var description: String { "Tensor(\(shape) \(dtype) \(device))" }
}
