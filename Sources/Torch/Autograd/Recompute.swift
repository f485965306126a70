internal import CTorch

/// Activation checkpointing (Chen et al. 2016): keeps no intermediate result of `body`, which the
/// backward pass calls again.
///
/// Gradients reach both inputs and all parameters that `body` uses. If no input requires a gradient,
/// this is a plain call of `body`, which keeps its intermediate results.
///
/// - Parameters:
///   - first: an input.
///   - second: an input.
///   - body: a pure function of its inputs and parameters.
/// - Returns: what `body` returns.
public func recomputing(
  _ first: Tensor, _ second: Tensor, _ body: @escaping (Tensor, Tensor) -> Tensor
) -> Tensor {
  guard first.requiresGradient || second.requiresGradient else { return body(first, second) }
  var result = ctorch_tensor(impl: nil)
  let context = Unmanaged.passRetained(RecomputedBody(body)).toOpaque()
  let status = ctorch_recompute(
    { context, first, second, result in
      guard let context, let result else { return 1 }
      let body = Unmanaged<RecomputedBody>.fromOpaque(context).takeUnretainedValue().body
      let inputs = [first, second].map { Tensor(owning: ctorch_tensor_retain($0)) }
      do {
        // On a GPU the backward pass runs in a thread of libtorch, outside `withTorchErrors`.
        let output = try withTorchErrors { body(inputs[0], inputs[1]) }
        result.pointee = withExtendedLifetime(output) { ctorch_tensor_retain(output.handle) }
        return 0
      } catch {
        ctorch_set_last_error("\(error)")
        return 1
      }
    }, context,
    { context in
      if let context { Unmanaged<RecomputedBody>.fromOpaque(context).release() }
    }, first.handle, second.handle, &result)
  guard status == 0 else {
    report(
      TorchError(operation: "recomputing", message: String(cString: ctorch_last_error())))
    return .zeros([0])
  }
  return Tensor(owning: result)
}

/// A closure, kept alive for C.
private final class RecomputedBody {
  let body: (Tensor, Tensor) -> Tensor
  init(_ body: @escaping (Tensor, Tensor) -> Tensor) { self.body = body }
}
