internal import Foundation
public import Parallel
internal import Torch

/// Data-parallel training: the ranks of a job share each step of one model.
///
/// Gradients are summed over the ranks during the last backward pass of a step (Li et al. 2020), and a
/// few numbers after it. One process exchanges nothing.
public final class DataParallel {
  /// This process's number.
  public var rank: Int { ranks?.rank ?? 0 }
  /// The number of ranks.
  public var count: Int { ranks?.worldSize ?? 1 }
  /// Whether this process writes files.
  public var isWriter: Bool { rank == 0 }

  /// The ranks; nil for a single process.
  let ranks: RankGroup?
  private var buckets: GradientBuckets?
  /// The process group for tensors on the model's device.
  private var tensorGroup: ProcessGroup?
  /// What was found out about the exchange of tensors.
  public private(set) var notes: [String] = []

  /// The ranks of a job; nil for a single process.
  public init(_ ranks: RankGroup?) { self.ranks = ranks }

  /// Makes all ranks start from the tensors of rank 0, and prepares the reduction of gradients.
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

  /// Tells the others what this rank is about to do, for messages about a lost rank.
  ///
  /// - Throws: `LaunchError` if a rank is lost.
  func enter(_ phase: RankGroup.Phase, step: Int) throws { try ranks?.enter(phase, step: step) }

  /// Keeps the process alive after another rank is lost, until the work in hand is done.
  func hold() -> RankGroup.Hold? { ranks?.hold() }

  /// Has rank 0 draw samples; the others wait as long as it makes progress.
  ///
  /// - Parameters:
  ///   - step: of the run.
  ///   - work: called on rank 0 alone; calls its argument now and then to show progress.
  /// - Throws: what `work` throws; `LaunchError` if a rank is lost.
  func draw(step: Int, _ work: (_ mark: () throws -> Void) throws -> Void) throws {
    guard let ranks else { return try work {} }
    try ranks.onRankZero(.draw, step: step, work)
  }

  /// Runs the backward pass of a loss; a step's last one sums gradients over the ranks.
  ///
  /// - Throws: `TorchError` if memory does not suffice.
  func backward(_ loss: Tensor, isLast: Bool) throws {
    if isLast { try buckets?.arm() }
    try withTorchErrors { loss.backward() }
  }

  /// Waits for the summed gradients.
  ///
  /// - Returns: how long the sum took; nil for one process.
  /// - Throws: `LaunchError` if a rank is lost.
  func finishGradients() throws -> GradientBuckets.Exchange? {
    guard let ranks, let buckets else { return nil }
    return try ranks.attributingErrors { try buckets.finish() }
  }

  /// Means of numbers over the ranks.
  ///
  /// - Throws: `LaunchError` if a rank is lost.
  func means(_ numbers: [Double]) throws -> [Double] {
    guard let ranks else { return numbers }
    return try ranks.allReduceSum(numbers).map { $0 / Double(count) }
  }

  /// Sends tensors from rank 0, or from the given ranks, to all.
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

  /// Checks that this rank found what rank 0 found. All ranks call it together.
  ///
  /// - Throws: `TrainingError` that names what differs; `LaunchError` if a rank is lost.
  func agree(on findings: [String: String]) throws {
    guard let ranks else { return }
    let bytes = Array(try JSONEncoder().encode(findings))
    let first = try JSONDecoder().decode(
      [String: String].self, from: Data(try ranks.broadcast(bytes)))
    let changes = Set(first.keys).union(findings.keys).sorted().compactMap { key in
      let (there, here) = (first[key] ?? "nothing", findings[key] ?? "nothing")
      return there == here ? nil : "\(key): \(there) -> \(here)"
    }
    guard changes.isEmpty else {
      throw TrainingError(
        .ranksDisagree,
        "rank \(rank) has other data or another model than rank 0 (\(changes.joined(separator: "; ")))"
      )
    }
  }

  /// Sends bytes from rank 0 to all.
  ///
  /// - Throws: `LaunchError` if a rank is lost.
  func send(_ bytes: [UInt8]) throws -> [UInt8] { try ranks?.broadcast(bytes) ?? bytes }
}
