internal import Foundation

/// A failed operation on a file or folder.
public struct FileError: Error, CustomStringConvertible, Equatable, Sendable {
  /// The kinds of failure.
  public enum Reason: Sendable {
    /// No file or folder has that name.
    case missing
    /// A folder where a file was expected.
    case isFolder
    /// A device, pipe or socket where a file was expected.
    case notRegular
    /// A file that is not the text expected.
    case notText
    /// A file without content.
    case empty
    /// The rights do not suffice.
    case denied
    /// The disk is full.
    case noSpace
    /// A file changed while it was read.
    case changed
    /// Another process works in the folder.
    case inUse
    /// The file system has no symbolic links.
    case noLinks
    /// Anything else that the system refused.
    case system
  }

  /// The kind of failure.
  public let reason: Reason
  /// The file or folder concerned.
  public let path: String
  /// What failed, with the path and a remedy.
  public let message: String

  /// Makes an error; `message` names the path.
  public init(_ reason: Reason, path: String, message: String) {
    self.reason = reason
    self.path = path
    self.message = message
  }

  /// The message.
  public var description: String { message }

  /// The error for a failed system call.
  static func system(_ action: String, _ path: String, errno number: Int32) -> FileError {
    func error(_ reason: Reason, _ text: String) -> FileError {
      FileError(reason, path: path, message: "cannot \(action) '\(path)': \(text)")
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
