internal import Foundation
internal import Synchronization

/// A request to stop, by Ctrl-C or the system, that is honoured at the next step.
enum Interrupt {
  private static let pending = Atomic<Int32>(0)

  /// From now on the first SIGINT, SIGTERM or SIGHUP is only noted; the second ends the program at
  /// once. One that is ignored, as SIGHUP is under nohup, stays ignored.
  static func listen() {
    _ = pending.load(ordering: .relaxed)
    for number in signals where !isIgnored(number) {
      Foundation.signal(number) { number in
        Interrupt.pending.store(number, ordering: .relaxed)
        Foundation.signal(number, SIG_DFL)
      }
    }
    unblock()
  }

  /// From now on signals reach the program: whoever started it may have had them blocked, and the mask
  /// is inherited.
  static func unblock() {
    var mask = sigset_t()
    sigemptyset(&mask)
    for number in signals { sigaddset(&mask, number) }
    pthread_sigmask(SIG_UNBLOCK, &mask, nil)
  }

  private static let signals = [SIGINT, SIGTERM, SIGHUP]

  private static func isIgnored(_ number: Int32) -> Bool {
    var action = sigaction()
    sigaction(number, nil, &action)
    let ignoring: __sighandler_t? = SIG_IGN
    return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
      == unsafeBitCast(ignoring, to: Int.self)
  }

  /// The signal that has come; 0 for none.
  static var signal: Int32 { pending.load(ordering: .relaxed) }

  /// Whether a signal has come.
  static var isRequested: Bool { signal != 0 }

  /// Ends the work in hand if a signal has come.
  ///
  /// - Throws: `Interrupted`.
  static func check() throws {
    guard signal == 0 else { throw Interrupted(signal: signal) }
  }
}

/// A command that leaves nothing behind: the first signal ends it.
protocol StoppedAtOnce {}

/// The work was stopped by a signal.
struct Interrupted: Error, CustomStringConvertible {
  let signal: Int32
  var description: String { "stopped by signal \(signal)" }
  /// 128 and the signal's number, as shells have it.
  var exitCode: Int32 { 128 + signal }
}
