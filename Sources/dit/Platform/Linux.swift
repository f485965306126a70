#if os(Linux)
  internal import Foundation

  /// What each system has in its own form: Linux.
  enum System {
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
#endif
