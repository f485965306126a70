internal import CKernels

/// Decides between our operators and libtorch's.
enum OwnOperators {
  @TaskLocal static var areForbidden = false

  /// Whether our operators are part of this build.
  static let areBuilt = ckernels_are_built()

  /// Whether our operators may be called.
  static var areUsable: Bool { areBuilt && !areForbidden }

  /// Whether our kernels of inference take the tensor.
  static func serve(_ x: Tensor) -> Bool {
    guard areUsable else { return false }
    guard !x.isCPU else { return x.dtype == .float32 }
    return CUDA.hasKernelLibrary && x.device.isCUDA
      && isServedByCUDA(x.dtype, width: x.size(-1))
  }

  /// Whether our kernels of training take the tokens.
  static func serveTraining(_ x: Tensor) -> Bool { x.dtype == .float32 && serve(x) }

  /// Whether the CUDA kernels can read a row in vectors of four and keep it in registers.
  static func isServedByCUDA(_ dtype: DType, width: Int) -> Bool {
    [.float32, .float16, .bfloat16].contains(dtype) && width.isMultiple(of: 4) && width <= 8192
  }
}

/// Runs `body` with libtorch's operators only, as on a device without our kernels.
public func withPlainOperators<Result>(_ body: () throws -> Result) rethrows -> Result {
  try OwnOperators.$areForbidden.withValue(true, operation: body)
}
