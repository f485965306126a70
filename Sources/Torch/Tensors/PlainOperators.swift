internal import CTorch

/// Which tensors our own operators serve.
enum OwnOperators {
  @TaskLocal static var areForbidden = false

  /// Whether our kernels compute with the rows of this tensor.
  static func serve(_ x: Tensor) -> Bool {
    guard !areForbidden else { return false }
    guard !x.isCPU else { return x.dtype == .float32 }
    return CUDA.hasKernelLibrary && x.device.type == "cuda"
      && isServedByCUDA(x.dtype, width: x.size(-1))
  }

  /// Whether our kernels of training compute with these tokens, whose sums are float32.
  static func serveTraining(_ x: Tensor) -> Bool { x.dtype == .float32 && serve(x) }

  /// What the kernels for CUDA read four numbers at a time and hold in registers.
  static func isServedByCUDA(_ dtype: DType, width: Int) -> Bool {
    [.float32, .float16, .bfloat16].contains(dtype) && width.isMultiple(of: 4) && width <= 8192
  }
}

/// Runs `body` with libtorch's operators alone: what a device computes that our kernels do not serve.
public func withPlainOperators<Result>(_ body: () throws -> Result) rethrows -> Result {
  try OwnOperators.$areForbidden.withValue(true, operation: body)
}

extension Device {
  /// Whether the layouts and kernels that we have for processors are used here.
  public var hasProcessorKernels: Bool { type == "cpu" && !OwnOperators.areForbidden }

  /// Waits until the device has done all that was asked of it.
  ///
  /// - Throws: `TorchError` if something of that failed.
  public func synchronize() throws {
    try check(ctorch_device_synchronize(description), "waiting for \(self)")
  }

  /// The most bytes that tensors took on the device since the last time this was asked with `reset`;
  /// nil on the processor, which does not count.
  public func peakMemory(reset: Bool = false) -> Int? {
    var bytes: Int64 = 0
    guard type != "cpu", ctorch_device_peak_memory(description, reset, &bytes) == 0 else {
      return nil
    }
    return Int(bytes)
  }
}
