internal import Foundation
internal import Synchronization

/// A request to stop by a signal, such as Ctrl-C. Work ends at its next step.
enum Interrupt {
  private static let pending = Atomic<Int32>(0)

  /// From now on the first SIGINT, SIGTERM or SIGHUP is recorded; the second ends the program at once.
  /// A signal that is ignored, as SIGHUP is under nohup, stays ignored.
  static func listen() {
    _ = pending.load(ordering: .relaxed)
    for number in signals where !System.ignores(signal: number) {
      Foundation.signal(number) { number in
        Interrupt.pending.store(number, ordering: .relaxed)
        Foundation.signal(number, SIG_DFL)
      }
    }
    unblock()
  }

  /// From now on signals reach the program. Its parent may have blocked them, and the mask is
  /// inherited.
  static func unblock() {
    var mask = sigset_t()
    sigemptyset(&mask)
    for number in signals { sigaddset(&mask, number) }
    pthread_sigmask(SIG_UNBLOCK, &mask, nil)
  }

  private static let signals = [SIGINT, SIGTERM, SIGHUP]

  /// The signal that was received; 0 for none.
  static var signal: Int32 { pending.load(ordering: .relaxed) }

  /// Whether a signal was received.
  static var isRequested: Bool { signal != 0 }

  /// Throws `Interrupted` if a signal was received.
  static func check() throws {
    guard signal == 0 else { throw Interrupted(signal: signal) }
  }
}

/// A command that leaves no unfinished files, so that the first signal may end it.
protocol StoppedAtOnce {}

/// Thrown when a signal stops the work.
struct Interrupted: Error, CustomStringConvertible {
  let signal: Int32
  var description: String { "stopped by signal \(signal)" }
  /// 128 plus the signal's number, as in shells.
  var exitCode: Int32 { 128 + signal }
}
