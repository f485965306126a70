internal import CTorch

/// Processes, each with a rank, that add up and exchange tensors: of the processor (c10d's Gloo group),
/// or each of its own NVIDIA GPU (the NCCL group).
///
/// All ranks make the same calls in the same order. A call fails when a connection breaks, or when
/// another rank does not join in for as long as the timeout; the group is of no use then.
public final class ProcessGroup {
  let handle: ctorch_group
  /// This process's number, from 0.
  public let rank: Int
  /// How many there are.
  public let size: Int
  /// How long a call may wait for other ranks.
  public let timeout: Duration

  /// Joins a group, and waits for all others.
  ///
  /// - Parameters:
  ///   - store: which all ranks share.
  ///   - rank: this process's number.
  ///   - size: how many there are.
  ///   - address: of this machine, as the others reach it; nil if the environment's
  ///     `GLOO_SOCKET_IFNAME` names the interface.
  ///   - timeout: how long a call may wait for other ranks.
  /// - Throws: `TorchError` if a rank does not come in time or cannot be reached.
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
  ///   - store: which all ranks share.
  ///   - rank: this process's number.
  ///   - size: how many there are.
  ///   - device: this process's GPU, on which the tensors of all calls lie.
  ///   - timeout: how long a call may wait for other ranks.
  /// - Throws: `TorchError` if our library for CUDA is not open, or a rank does not come in time.
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

  /// A group that was joined already.
  init(_ handle: ctorch_group, rank: Int, size: Int, timeout: Duration) {
    self.handle = handle
    self.rank = rank
    self.size = size
    self.timeout = timeout
  }

  /// Whether a call has failed.
  private(set) var isLost = false

  // libtorch would wait for what is under way, which never comes once a rank is lost.
  deinit { if !isLost { ctorch_group_release(handle) } }

  /// Puts the sum over all ranks in place of a tensor.
  ///
  /// - Throws: `TorchError` if another rank is lost.
  public func sumInPlace(_ tensor: Tensor) throws {
    try orLose {
      try withExtendedLifetime(tensor) {
        try check(ctorch_group_sum(handle, tensor.handle), "adding up \(tensor) over all ranks")
      }
    }
  }

  /// Gives all ranks the tensors of some ranks, in place.
  ///
  /// - Parameters:
  ///   - tensors: contiguous, of the same shapes everywhere.
  ///   - roots: for each of them, whose it is.
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

  /// Takes note if a call fails.
  func orLose<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch {
      isLost = true
      throw error
    }
  }
}
