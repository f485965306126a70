internal import CTorch

/// All-reduces gradients in buckets during the backward pass (Li et al. 2020, section 3.2).
public final class GradientBuckets {
  private let handle: ctorch_buckets
  private let group: ProcessGroup

  /// The time of one backward pass's sums.
  public struct Exchange: Sendable {
    /// Seconds with at least one sum under way.
    public let busySeconds: Double
    /// Seconds of those after the end of the backward pass.
    public let exposedSeconds: Double
  }

  /// Groups leaves into buckets, the last ones first, because their gradients come first.
  ///
  /// - Parameters:
  ///   - leaves: parameters of one type on one device.
  ///   - group: the processes to sum over.
  ///   - byteCount: the size of a bucket.
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

  /// Starts sums during the next backward pass, the last of a step. Earlier backward passes only
  /// accumulate gradients in this process.
  ///
  /// - Throws: `TorchError`.
  public func arm() throws { try check(ctorch_buckets_arm(handle), "arming buckets") }

  /// Waits until all gradients are sums over the group.
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
