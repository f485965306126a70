internal import CTorch

/// Adds up gradients over a process group while the backward pass runs (Li et al. 2020, section 3.2).
public final class GradientBuckets {
  private let handle: ctorch_buckets
  private let group: ProcessGroup

  /// How long the sums of one backward pass took.
  public struct Exchange: Sendable {
    /// Seconds while at least one sum was under way.
    public let busySeconds: Double
    /// Seconds of those after the backward pass, when nothing else was left to do.
    public let exposedSeconds: Double
  }

  /// Buckets for the gradients of some leaves; the last leaves' gradients are expected first.
  ///
  /// - Parameters:
  ///   - leaves: of one type on one device.
  ///   - group: whose sums are wanted.
  ///   - byteCount: how large a bucket grows.
  /// - Throws: `TorchError` for leaves of several types.
  public init(_ leaves: [Tensor], in group: ProcessGroup, byteCount: Int = 25 << 20) throws {
    var handle = ctorch_buckets(impl: nil)
    try withExtendedLifetime(leaves) {
      try check(
        ctorch_buckets_create(
          group.handle, leaves.map(\.handle), Int64(leaves.count), Int64(byteCount), &handle),
        "buckets for \(leaves.count) gradients")
    }
    self.handle = handle
    self.group = group
  }

  deinit { ctorch_buckets_release(handle) }

  /// Says that gradients are complete after the next backward pass, so that sums begin during it;
  /// without it, backward passes add to the gradients of this process alone.
  ///
  /// - Throws: `TorchError`.
  public func arm() throws { try check(ctorch_buckets_arm(handle), "arming buckets") }

  /// Waits until all gradients are their sums over the group.
  ///
  /// - Throws: `TorchError` if another rank is lost.
  public func finish() throws -> Exchange {
    var exchange = ctorch_exchange(busy: 0, exposed: 0)
    try group.orLose {
      try check(ctorch_buckets_finish(handle, &exchange), "adding up gradients over all ranks")
    }
    return Exchange(busySeconds: exchange.busy, exposedSeconds: exchange.exposed)
  }
}
