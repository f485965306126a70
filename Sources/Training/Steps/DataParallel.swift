public import Parallel
internal import Torch

/// What the ranks of a job exchange to train one model; with one process, nothing.
///
/// Gradients are added up over the ranks during the last backward pass of a step (Li et al. 2020), and
/// a few numbers after it.
public final class DataParallel {
  /// This process's number.
  public var rank: Int { ranks?.rank ?? 0 }
  /// How many ranks there are.
  public var count: Int { ranks?.worldSize ?? 1 }
  /// Whether this process writes files.
  public var isWriter: Bool { rank == 0 }

  private let ranks: RankGroup?
  private var buckets: GradientBuckets?
  /// Exchanges tensors of the model's device.
  private var tensorGroup: ProcessGroup?
  /// What was found out about the exchange, for the user's eyes.
  public private(set) var notes: [String] = []

  /// What is exchanged between some processes; nil for a process that is alone.
  public init(_ ranks: RankGroup?) { self.ranks = ranks }

  /// Makes all ranks start from the tensors of rank 0, and reduces the gradients of some.
  ///
  /// - Throws: `LaunchError` if a rank is lost.
  func prepare(_ tensors: [Tensor], trained: [Tensor]) throws {
    guard let ranks else { return }
    let (group, reasonForGloo) = try ranks.tensorGroup(on: tensors.first?.device ?? .cpu)
    tensorGroup = group
    notes = reasonForGloo.map { ["tensors go between ranks by Gloo, not by NCCL: \($0)"] } ?? []
    try send(tensors)
    buckets = try GradientBuckets(trained, in: group)
  }

  /// Says where this rank is; a message of failure names it.
  ///
  /// - Throws: `LaunchError` if a rank is lost.
  func enter(_ phase: RankGroup.Phase, step: Int) throws { try ranks?.enter(phase, step: step) }

  /// Something that is brought to its end though other ranks are lost.
  func hold() -> RankGroup.Hold? { ranks?.hold() }

  /// Has rank 0 draw samples, while the others wait for as long as it gets on.
  ///
  /// - Parameters:
  ///   - step: when.
  ///   - work: called in rank 0 alone, with what it is to call now and then.
  /// - Throws: what `work` throws; `LaunchError` if a rank is lost.
  func draw(step: Int, _ work: (_ mark: () throws -> Void) throws -> Void) throws {
    guard let ranks else { return try work {} }
    try ranks.onRankZero(.draw, step: step, work)
  }

  /// The backward pass of a loss, which adds gradients up over the ranks if it is a step's last.
  ///
  /// - Throws: `TorchError` if memory does not suffice.
  func backward(_ loss: Tensor, isLast: Bool) throws {
    if isLast { try buckets?.arm() }
    try withTorchErrors { loss.backward() }
  }

  /// Waits for the gradients.
  ///
  /// - Returns: how long that took; nil for one process.
  /// - Throws: `LaunchError` if a rank is lost.
  func finishGradients() throws -> GradientBuckets.Exchange? {
    guard let ranks, let buckets else { return nil }
    return try ranks.attributingErrors { try buckets.finish() }
  }

  /// The means of some numbers over the ranks.
  ///
  /// - Throws: `LaunchError` if a rank is lost.
  func means(_ numbers: [Double]) throws -> [Double] {
    guard let ranks else { return numbers }
    return try ranks.allReduceSum(numbers).map { $0 / Double(count) }
  }

  /// Gives all ranks the tensors of rank 0, or of the ranks given.
  ///
  /// - Throws: `LaunchError` if a rank is lost.
  func send(_ tensors: [Tensor], from roots: [Int]? = nil) throws {
    guard let ranks else { return }
    let detached = withoutGradients { tensors.map(\.detached) }
    try ranks.attributingErrors {
      let group = tensorGroup ?? ranks.group
      try group.broadcast(detached, from: roots ?? tensors.map { _ in 0 })
    }
  }

  /// Gives all ranks the bytes of rank 0.
  ///
  /// - Throws: `LaunchError` if a rank is lost.
  func send(_ bytes: [UInt8]) throws -> [UInt8] { try ranks?.broadcast(bytes) ?? bytes }
}
