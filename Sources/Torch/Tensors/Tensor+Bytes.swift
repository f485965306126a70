internal import CTorch

extension Tensor {
  /// A second reference to the same storage.
  convenience init(sharing other: Tensor) {
    self.init(owning: ctorch_tensor_retain(other.handle))
  }

  /// Calls `body` with the bytes of a contiguous CPU tensor.
  public func withUnsafeBytes<Result>(
    _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    try withUnsafeMutableBytes { try body(UnsafeRawBufferPointer($0)) }
  }

  /// Calls `body` with the bytes of a contiguous CPU tensor, for writing.
  public func withUnsafeMutableBytes<Result>(
    _ body: (UnsafeMutableRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    guard isCPU, isContiguous else { fatalError("bytes of \(self), strides \(strides)") }
    return try withExtendedLifetime(self) {
      try body(
        UnsafeMutableRawBufferPointer(start: ctorch_tensor_data(handle), count: byteCount))
    }
  }

  /// The elements in row-major order, converted to `Element`.
  public func elements<Element: TensorElement>(_ type: Element.Type = Element.self) -> [Element] {
    let source = detached.to(.cpu).to(Element.dtype).contiguous
    return source.withUnsafeBytes { bytes in
      Array(bytes.bindMemory(to: Element.self))
    }
  }

  /// The only element, as a number.
  public var item: Double {
    guard count == 1 else {
      report(
        TorchError(
          operation: "item of \(self)", message: "only a tensor of one element has an item"))
      return .nan
    }
    return elements(Double.self).first ?? .nan
  }
}
