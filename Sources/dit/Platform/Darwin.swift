// Not run yet: written after the headers of macOS.

#if os(macOS)
  internal import Foundation

  /// What each system has in its own form: macOS.
  enum System {
    /// The absolute path of this program's file.
    static var programPath: String {
      URL(filePath: Bundle.main.executablePath ?? CommandLine.arguments[0])
        .resolvingSymlinksInPath().path
    }

    /// Whether this process ignores the signal.
    static func ignores(signal number: Int32) -> Bool {
      var action = sigaction()
      sigaction(number, nil, &action)
      let ignoring: sig_t? = SIG_IGN
      return unsafeBitCast(action.__sigaction_u.__sa_handler, to: Int.self)
        == unsafeBitCast(ignoring, to: Int.self)
    }
  }
#endif
