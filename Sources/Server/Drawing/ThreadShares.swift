internal import Synchronization
internal import Torch

/// Divides the threads that compute among the drawers that draw just now.
final class ThreadShares: Sendable {
  private let total: Int
  private let drawerCount: Int
  private let drawingCount = Mutex(0)

  /// - Parameters:
  ///   - total: the threads of all drawers together.
  ///   - drawerCount: the drawers.
  init(total: Int, drawerCount: Int) {
    self.total = total
    self.drawerCount = drawerCount
  }

  /// A drawer's part of the threads, 1 or more.
  var share: Int { max(total / max(drawingCount.withLock { $0 }, 1), 1) }

  /// Gives the calling thread its part while `work` runs.
  ///
  /// - Parameter work: calls `adjust` where the part may change: the number of threads of what follows.
  /// - Throws: what `work` throws; `TorchError`.
  func withShare(_ work: (_ adjust: () throws -> Void) throws -> Void) throws {
    drawingCount.withLock { $0 += 1 }
    defer {
      if drawerCount > 1 { LibTorch.releaseThreads() }
      drawingCount.withLock { $0 -= 1 }
    }
    // libtorch counts for each thread that calls it.
    var own = 0
    func adjust() throws {
      let share = share
      guard share != own else { return }
      try LibTorch.setThreadCount(share)
      own = share
    }
    try adjust()
    try work(adjust)
  }
}
