internal import CTorch
internal import Foundation

private enum ForwardMode {
  static let makeDual = Operator("aten::_make_dual")
  static let unpackDual = Operator("aten::_unpack_dual")
  /// libtorch has one level at a time, for all threads.
  static let lock = NSLock()
  @TaskLocal static var isActive = false
}

/// A function's value and its derivative along a direction, a Jacobian-vector product, by forward-mode
/// differentiation (Baydin et al. 2018, section 3.1) in one pass.
///
/// Within the function only libtorch's own operators serve (`withPlainOperators`); recomputation has no
/// such derivative. Neither result is recorded for autograd.
///
/// - Parameters:
///   - function: of as many tensors as there are inputs.
///   - inputs: the point.
///   - direction: a tangent for each input, of its shape and type.
/// - Returns: the value, and its derivative along the direction: zeros if the value does not depend on it.
/// - Throws: what the function throws; `TorchError` for an operator without such a derivative, and
///   for a derivative within the function.
package func directionalDerivative(
  of function: ([Tensor]) throws -> Tensor, at inputs: [Tensor], along direction: [Tensor]
) throws -> (value: Tensor, derivative: Tensor) {
  guard !ForwardMode.isActive else {
    throw TorchError(operation: "forward-mode differentiation", message: "it runs within itself")
  }
  ForwardMode.lock.lock()
  defer { ForwardMode.lock.unlock() }
  var level: UInt64 = 0
  try check(ctorch_forward_mode_begin(&level), "forward-mode differentiation")
  defer { _ = ctorch_forward_mode_end(level) }
  return try ForwardMode.$isActive.withValue(true) {
    try derivative(of: function, at: inputs, along: direction, level: Int(level))
  }
}

private func derivative(
  of function: ([Tensor]) throws -> Tensor, at inputs: [Tensor], along direction: [Tensor],
  level: Int
) throws -> (value: Tensor, derivative: Tensor) {
  try withTorchErrors {
    try withoutGradients {
      try withPlainOperators {
        let duals = zip(inputs, direction).map { input, tangent in
          ForwardMode.makeDual(.tensor(input), .tensor(tangent), .int(level))
        }
        let parts = ForwardMode.unpackDual.results(
          .tensor(try function(duals)), .int(level), count: 2)
        // Derivatives go with their level.
        let isConstant = parts[1].handle.impl == nil
        return (parts[0].cloned, isConstant ? parts[0] * 0 : parts[1].cloned)
      }
    }
  }
}
