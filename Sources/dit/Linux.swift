internal import Foundation

/// The parts of the program that only Linux has in this form.
enum Linux {
  /// The absolute path of this program's file.
  static var programPath: String {
    URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().path
  }

  /// Whether this process ignores the signal.
  static func ignores(signal number: Int32) -> Bool {
    var action = sigaction()
    sigaction(number, nil, &action)
    let ignoring: __sighandler_t? = SIG_IGN
    return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
      == unsafeBitCast(ignoring, to: Int.self)
  }
}
