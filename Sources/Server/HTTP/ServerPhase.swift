internal import Synchronization

/// Whether a server goes on.
final class ServerPhase: Sendable {
  private let ending = Atomic(false)

  /// Whether it takes no jobs any more.
  var isEnding: Bool { ending.load(ordering: .relaxed) }

  /// It takes no jobs any more.
  func end() { ending.store(true, ordering: .relaxed) }
}
