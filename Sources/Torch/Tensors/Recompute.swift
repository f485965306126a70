internal import CTorch

/// Calls `body` without keeping what lies between its inputs and its result: the backward pass
/// computes it again (Chen et al. 2016).
///
/// Gradients reach both inputs and all parameters that `body` uses. Where no input requires a gradient,
/// `body` is called plainly and keeps what it needs: nothing would ask for it to be computed again.
///
/// - Parameters:
///   - first: an input.
///   - second: an input.
///   - body: gives the same result for the same inputs each time.
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
        // On a GPU the backward pass is in a thread of libtorch's, outside of any scope of errors.
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

/// Keeps a closure alive for the shim.
private final class RecomputedBody {
  let body: (Tensor, Tensor) -> Tensor
  init(_ body: @escaping (Tensor, Tensor) -> Tensor) { self.body = body }
}
