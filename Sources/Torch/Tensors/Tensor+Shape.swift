private enum Shape {
  static let reshape = Operator("aten::reshape")
  static let transpose = Operator("aten::transpose.int")
  static let permute = Operator("aten::permute")
  static let unsqueeze = Operator("aten::unsqueeze")
  static let squeeze = Operator("aten::squeeze.dim")
  static let flatten = Operator("aten::flatten.using_ints")
  static let expand = Operator("aten::expand")
  static let `repeat` = Operator("aten::repeat")
  static let chunk = Operator("aten::chunk")
  static let concatenate = Operator("aten::cat")
  static let stack = Operator("aten::stack")
  static let contiguous = Operator("aten::contiguous")
  static let channelsLast = 2  // c10::MemoryFormat
  static let clone = Operator("aten::clone")
  static let toType = Operator("aten::to.dtype")
  static let toDevice = Operator("aten::to.dtype_layout")
  static let pin = Operator("aten::pin_memory")
  static let flip = Operator("aten::flip")
  static let pad = Operator("aten::constant_pad_nd")
  static let asStrided = Operator("aten::as_strided")
}

extension Tensor {
  /// The same elements in another shape; one size may be -1.
  public func reshaped(_ shape: [Int]) -> Tensor { Shape.reshape(.tensor(self), .ints(shape)) }
  /// A view with two dimensions swapped.
  public func transposed(_ a: Int = -2, _ b: Int = -1) -> Tensor {
    Shape.transpose(.tensor(self), .int(a), .int(b))
  }
  /// A view with the dimensions in another order.
  public func permuted(_ axes: [Int]) -> Tensor { Shape.permute(.tensor(self), .ints(axes)) }
  /// A view with a new dimension of size 1.
  public func expandingDims(at axis: Int) -> Tensor {
    Shape.unsqueeze(.tensor(self), .int(axis))
  }
  /// A view without a dimension of size 1.
  public func squeezingDim(at axis: Int) -> Tensor { Shape.squeeze(.tensor(self), .int(axis)) }
  /// The dimensions from `start` to `end`, both included, as one.
  public func flattened(from start: Int = 0, through end: Int = -1) -> Tensor {
    Shape.flatten(.tensor(self), .int(start), .int(end))
  }
  /// A view that repeats dimensions of size 1; -1 keeps a size.
  public func expanded(to shape: [Int]) -> Tensor { Shape.expand(.tensor(self), .ints(shape)) }
  /// A copy repeated along each dimension.
  public func repeated(_ counts: [Int]) -> Tensor { Shape.repeat(.tensor(self), .ints(counts)) }
  /// Splits a dimension into views of `count` equal parts. The count must divide the size.
  public func chunks(_ count: Int, axis: Int) -> [Tensor] {
    Shape.chunk.results(.tensor(self), .int(count), .int(axis), count: count)
  }
  /// A copy with the order reversed along some dimensions.
  public func flipped(axes: [Int]) -> Tensor { Shape.flip(.tensor(self), .ints(axes)) }
  /// Adds zeros: pairs of counts (before, after), the last dimension first.
  public func padded(_ counts: [Int]) -> Tensor {
    Shape.pad(.tensor(self), .ints(counts), 0)
  }

  /// This tensor if it is row-major without gaps, else a copy that is.
  public var contiguous: Tensor { Shape.contiguous(.tensor(self)) }
  /// `[N, C, H, W]` with the channels of a pixel side by side in memory; the shape stays. Tensors of
  /// another rank are returned as they are.
  public var channelsLast: Tensor {
    rank == 4 ? Shape.contiguous(.tensor(self), .int(Shape.channelsLast)) : self
  }
  /// A row-major copy.
  public var cloned: Tensor { Shape.clone(.tensor(self), 0) }
  /// This tensor if it has the type, else a converted copy.
  public func to(_ dtype: DType) -> Tensor {
    dtype == self.dtype ? self : Shape.toType(.tensor(self), .dtype(dtype))
  }
  /// This tensor if it is on the device, else a copy there.
  public func to(_ device: Device) -> Tensor {
    device == self.device ? self : Shape.toDevice(.tensor(self), nil, nil, .device(device))
  }

  /// `to(device)`, asynchronous for a GPU, by way of page-locked memory.
  public func sent(to device: Device) -> Tensor {
    guard isCPU, device.capabilities.readsPinnedMemory else { return to(device) }
    return Shape.toDevice(
      .tensor(Shape.pin(.tensor(self), nil)), nil, nil, .device(device), nil, true)
  }

  /// A view with any shape and strides from the first element on. Bounds are not checked.
  public func strided(shape: [Int], strides: [Int]) -> Tensor {
    Shape.asStrided(.tensor(self), .ints(shape), .ints(strides))
  }
}

/// Joins tensors along an existing dimension.
public func concatenated(_ tensors: [Tensor], axis: Int = 0) -> Tensor {
  Shape.concatenate(.tensors(tensors), .int(axis))
}

/// Joins tensors of one shape along a new dimension.
public func stacked(_ tensors: [Tensor], axis: Int = 0) -> Tensor {
  Shape.stack(.tensors(tensors), .int(axis))
}
