internal import CTorch

extension Tensor {
  private static let fullOperator = Operator("aten::full")
  private static let emptyOperator = Operator("aten::empty.memory_format")
  private static let randnOperator = Operator("aten::randn.generator")
  private static let randintOperator = Operator("aten::randint.low_generator")
  private static let randOperator = Operator("aten::rand.generator")
  private static let arangeOperator = Operator("aten::arange.start_step")

  /// An uninitialized tensor.
  public static func empty(
    _ shape: [Int], dtype: DType = .float32, device: Device = .cpu
  ) -> Tensor {
    emptyOperator(.ints(shape), .dtype(dtype), nil, .device(device))
  }

  /// A tensor filled with a number.
  public static func full(
    _ shape: [Int], _ value: Double, dtype: DType = .float32, device: Device = .cpu
  ) -> Tensor {
    fullOperator(.ints(shape), .double(value), .dtype(dtype), nil, .device(device))
  }

  /// A tensor of zeros.
  public static func zeros(
    _ shape: [Int], dtype: DType = .float32, device: Device = .cpu
  ) -> Tensor {
    full(shape, 0, dtype: dtype, device: device)
  }

  /// A tensor of ones.
  public static func ones(
    _ shape: [Int], dtype: DType = .float32, device: Device = .cpu
  ) -> Tensor {
    full(shape, 1, dtype: dtype, device: device)
  }

  /// The numbers from 0 to `count` - 1, `[count]`.
  public static func range(
    _ count: Int, dtype: DType = .float32, device: Device = .cpu
  ) -> Tensor {
    arangeOperator(0, .int(count), 1, .dtype(dtype), nil, .device(device))
  }

  /// Draws from the standard normal distribution, as `torch.randn` does.
  public static func randn(
    _ shape: [Int], dtype: DType = .float32, generator: Generator
  ) -> Tensor {
    randnOperator(
      .ints(shape), .generator(generator), .dtype(dtype), nil, .device(generator.device))
  }

  /// Draws uniformly from 0 (included) to 1 (excluded) in float32, as `torch.rand` does.
  public static func rand(_ shape: [Int], generator: Generator) -> Tensor {
    randOperator(
      .ints(shape), .generator(generator), .dtype(.float32), nil, .device(generator.device))
  }

  /// Draws int64 numbers uniformly from a half-open range, as `torch.randint` does.
  public static func randint(_ range: Range<Int>, _ shape: [Int], generator: Generator) -> Tensor {
    randintOperator(
      .int(range.lowerBound), .int(range.upperBound), .ints(shape), .generator(generator),
      .dtype(.int64), nil, .device(generator.device))
  }

  /// Copies an array into a CPU tensor. The product of the sizes must be the count of the array.
  public convenience init<Element: TensorElement>(_ elements: [Element], shape: [Int]) {
    guard shape.reduce(1, *) == elements.count else {
      fatalError("Tensor: \(elements.count) elements for shape \(shape)")
    }
    let tensor = Tensor.empty(shape, dtype: Element.dtype)
    elements.withUnsafeBytes { source in
      tensor.withUnsafeMutableBytes { $0.copyMemory(from: source) }
    }
    self.init(sharing: tensor)
  }

  /// Copies an array into a CPU tensor of one dimension.
  public convenience init<Element: TensorElement>(_ elements: [Element]) {
    self.init(elements, shape: [elements.count])
  }

  /// A CPU scalar (no dimensions).
  public convenience init<Element: TensorElement>(scalar: Element) {
    self.init([scalar], shape: [])
  }

  /// A CPU tensor over memory that `owner` keeps alive, such as a mapped file. Nothing is copied.
  ///
  /// - Parameters:
  ///   - start: the first element; it need not be aligned.
  ///   - shape: the sizes.
  ///   - strides: in elements; row-major if nil.
  ///   - dtype: the type of the elements.
  ///   - owner: released with the last tensor over the memory.
  public convenience init(
    borrowing start: UnsafeMutableRawPointer, shape: [Int], strides: [Int]? = nil, dtype: DType,
    owner: AnyObject
  ) {
    let sizes = shape.map(Int64.init)
    let steps = (strides ?? Tensor.contiguousStrides(of: shape)).map(Int64.init)
    var result = ctorch_tensor(impl: nil)
    let status = ctorch_tensor_borrow(
      start, sizes, steps, Int64(sizes.count), dtype.rawValue,
      Unmanaged.passRetained(owner).toOpaque(),
      { context in
        if let context { Unmanaged<AnyObject>.fromOpaque(context).release() }
      }, &result)
    guard status == 0 else {
      fatalError("tensor over borrowed memory \(shape): \(String(cString: ctorch_last_error()))")
    }
    self.init(owning: result)
  }

  /// The strides of a row-major tensor.
  public static func contiguousStrides(of shape: [Int]) -> [Int] {
    var strides = shape
    var step = 1
    for axis in shape.indices.reversed() {
      strides[axis] = step
      step *= Swift.max(shape[axis], 1)
    }
    return strides
  }
}
