internal import Foundation

/// Standard output, for a command's result.
enum StandardOutput {
  /// Writes a text and a line end at once.
  ///
  /// - Throws: `OutputError` if not all of it can be written. A pipe that nobody reads ends the program
  ///   by SIGPIPE, unless that signal is ignored.
  static func write(_ text: String) throws {
    let bytes = Array((text + "\n").utf8)
    if let number = write(bytes, to: STDOUT_FILENO) { throw OutputError(number: number) }
  }

  /// Writes bytes to an open file; returns `errno` if that fails.
  fileprivate static func write(_ bytes: [UInt8], to descriptor: Int32) -> Int32? {
    bytes.withUnsafeBytes { bytes in
      var rest = bytes
      while !rest.isEmpty {
        let count = Foundation.write(descriptor, rest.baseAddress, rest.count)
        if count > 0 {
          rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        } else if count == 0 || errno != EINTR {
          return errno
        }
      }
      return nil
    }
  }

  /// Gives closed standard files something to be, or files that the program opens would take their
  /// numbers, and its messages would go into them. Reading and writing them then fails as before.
  static func reserve() {
    for (descriptor, mode) in [
      (STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_RDONLY),
    ] where fcntl(descriptor, F_GETFD) < 0 {
      // The lowest free number is this one.
      _ = open("/dev/null", mode)
    }
  }
}

/// Standard error, for notes, progress and errors.
enum StandardError {
  /// Writes a text; if that fails, there is nobody to tell.
  static func write(_ text: String) {
    _ = StandardOutput.write(Array(text.utf8), to: STDERR_FILENO)
  }
}

/// Standard output that cannot be written.
struct OutputError: ErrorWithRemedy {
  /// `errno`.
  let number: Int32

  /// Whether nobody reads the pipe any more, as after `| head -1`: no reason for a message.
  var isClosedPipe: Bool { number == EPIPE }
  var message: String { "cannot write to standard output: \(String(cString: strerror(number)))" }
  var remedy: String? { nil }
}
