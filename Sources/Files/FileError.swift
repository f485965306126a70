internal import Foundation

/// What went wrong with a file, where, and what to do about it.
public struct FileError: Error, CustomStringConvertible, Equatable, Sendable {
  /// The kinds of trouble that callers tell apart.
  public enum Code: Sendable {
    /// There is no file or folder of that name.
    case missing
    /// A folder where a file was expected.
    case isFolder
    /// A device, pipe or socket where a file was expected.
    case notRegular
    /// A file without content.
    case empty
    /// The rights do not suffice.
    case denied
    /// The disk is full.
    case noSpace
    /// Anything else that the operating system refused.
    case system
  }

  /// The kind of trouble.
  public let code: Code
  /// The file or folder concerned.
  public let path: String
  /// What failed, with the path and a remedy.
  public let message: String

  /// Makes an error; `message` names the path.
  public init(_ code: Code, path: String, message: String) {
    self.code = code
    self.path = path
    self.message = message
  }

  /// The message.
  public var description: String { message }

  /// The error for a system call that failed with `number` when it tried to, say, "read".
  static func system(_ action: String, _ path: String, errno number: Int32) -> FileError {
    func error(_ code: Code, _ reason: String) -> FileError {
      FileError(code, path: path, message: "cannot \(action) '\(path)': \(reason)")
    }
    return switch number {
    case ENOENT: error(.missing, "no such file or folder; check the path")
    case ENOTDIR: error(.missing, "a part of the path is a file, not a folder; check the path")
    case EISDIR: error(.isFolder, "it is a folder; name a file")
    case EACCES, EPERM: error(.denied, "permission denied; check the rights of the file and folder")
    case EROFS: error(.denied, "the file system is read-only; choose another folder")
    case ENOSPC, EDQUOT: error(.noSpace, "No space left on device; free some")
    default: error(.system, String(cString: strerror(number)))
    }
  }
}
