internal import CTorch

/// Collectives over the ranks of a job: with CPU tensors by Gloo, with one NVIDIA GPU for each rank by
/// NCCL.
///
/// All ranks must make the same calls in the same order. A call fails if a connection breaks, or if
/// another rank does not join in before the timeout. After that the group is unusable.
public final class ProcessGroup {
  let handle: ctorch_group
  /// This process's number, from 0.
  public let rank: Int
  /// The number of processes.
  public let size: Int
  /// The limit for waiting for other ranks.
  public let timeout: Duration

  /// Joins a group, and waits for all others.
  ///
  /// - Parameters:
  ///   - store: shared by all ranks.
  ///   - rank: this process's number.
  ///   - size: the number of processes.
  ///   - address: this machine as the others reach it; nil takes the interface from the environment's
  ///     `GLOO_SOCKET_IFNAME`.
  ///   - timeout: the limit for waiting for other ranks.
  /// - Throws: `TorchError` if a rank is late or cannot be reached.
  public convenience init(
    _ store: KeyValueStore, rank: Int, size: Int, address: String?, timeout: Duration
  ) throws {
    var handle = ctorch_group(impl: nil)
    try check(
      ctorch_group_create(
        store.handle, Int32(clamping: rank), Int32(clamping: size), address,
        timeout.inMilliseconds, &handle),
      "joining \(size) processes as rank \(rank)")
    self.init(handle, rank: rank, size: size, timeout: timeout)
  }

  /// Joins a group of GPUs, and waits for all others.
  ///
  /// - Parameters:
  ///   - store: shared by all ranks.
  ///   - rank: this process's number.
  ///   - size: the number of processes.
  ///   - device: the GPU of this process and of all its tensors.
  ///   - timeout: the limit for waiting for other ranks.
  /// - Throws: `TorchError` if our CUDA library is not open, or a rank is late.
  public convenience init(
    _ store: KeyValueStore, rank: Int, size: Int, device: Device, timeout: Duration
  ) throws {
    var handle = ctorch_group(impl: nil)
    try check(
      ctorch_group_create_cuda(
        store.handle, Int32(clamping: rank), Int32(clamping: size),
        Int32(clamping: device.index ?? 0), timeout.inMilliseconds, &handle),
      "joining \(size) processes as rank \(rank) on \(device)")
    self.init(handle, rank: rank, size: size, timeout: timeout)
  }

  /// Wraps a group that was joined elsewhere.
  init(_ handle: ctorch_group, rank: Int, size: Int, timeout: Duration) {
    self.handle = handle
    self.rank = rank
    self.size = size
    self.timeout = timeout
  }

  /// Whether a call has failed.
  private(set) var isLost = false

  // After the loss of a rank, releasing would wait forever for pending operations.
  deinit { if !isLost { ctorch_group_release(handle) } }

  /// Replaces a tensor by its sum over all ranks (all-reduce).
  ///
  /// - Throws: `TorchError` if another rank is lost.
  public func sumInPlace(_ tensor: Tensor) throws {
    try orLose {
      try withExtendedLifetime(tensor) {
        try check(ctorch_group_sum(handle, tensor.handle), "adding up \(tensor) over all ranks")
      }
    }
  }

  /// Copies tensors from one rank to all others, in place.
  ///
  /// - Parameters:
  ///   - tensors: contiguous, of the same shapes on all ranks.
  ///   - roots: the source rank of each tensor.
  /// - Throws: `TorchError` if another rank is lost.
  public func broadcast(_ tensors: [Tensor], from roots: [Int]) throws {
    try orLose {
      try withExtendedLifetime(tensors) {
        try check(
          ctorch_group_broadcast(
            handle, tensors.map(\.handle), roots.map { Int32(clamping: $0) },
            Int64(tensors.count)),
          "sending \(tensors.count) tensors to all ranks")
      }
    }
  }

  /// Remembers that a call failed.
  func orLose<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch {
      isLost = true
      throw error
    }
  }
}
