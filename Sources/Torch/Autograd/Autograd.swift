internal import CTorch

/// Runs `body` without recording operations for autograd, which saves time and memory.
public func withoutGradients<Result>(_ body: () throws -> Result) rethrows -> Result {
  let previous = ctorch_grad_enabled()
  ctorch_set_grad_enabled(false)
  defer { ctorch_set_grad_enabled(previous) }
  return try body()
}

extension Tensor {
  private static let detachOperator = Operator("aten::detach")

  /// Whether gradients are computed for this tensor.
  public var requiresGradient: Bool {
    get { ctorch_tensor_requires_grad(handle) }
    set {
      do {
        try check(ctorch_tensor_set_requires_grad(handle, newValue), "requiresGradient of \(self)")
      } catch {
        report(error)
      }
    }
  }

  /// The gradient accumulated by `backward`; nil before, and for tensors other than leaves.
  public var gradient: Tensor? {
    get {
      var result = ctorch_tensor(impl: nil)
      guard ctorch_tensor_grad(handle, &result) == 0, result.impl != nil else { return nil }
      return Tensor(owning: result)
    }
    set {
      do {
        let value = newValue?.handle ?? ctorch_tensor(impl: nil)
        try check(ctorch_tensor_set_grad(handle, value), "gradient of \(self)")
      } catch {
        report(error)
      }
    }
  }

  /// A view outside the autograd graph.
  public var detached: Tensor { Tensor.detachOperator(.tensor(self)) }

  /// Accumulates the gradients of this scalar into its leaves.
  public func backward() {
    do {
      try check(ctorch_backward(handle), "backward of \(self)")
    } catch {
      report(error)
    }
  }
}
