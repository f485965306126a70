/// Which tensors our own operators serve.
enum OwnOperators {
  @TaskLocal static var areForbidden = false

  /// Whether our kernels compute with the rows of this tensor.
  static func serve(_ x: Tensor) -> Bool {
    guard !areForbidden else { return false }
    guard !x.isCPU else { return x.dtype == .float32 }
    return CUDA.hasKernelLibrary && x.device.isCUDA
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
