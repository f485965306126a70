internal import Foundation

/// A file that grows at its end, and may be read meanwhile.
public final class AppendedFile {
  private let path: String
  private let descriptor: Int32

  /// Opens a file, or makes it.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - byteCount: the bytes to keep; nil keeps all.
  /// - Throws: `FileError`.
  public init(_ path: String, keeping byteCount: Int? = nil) throws {
    self.path = path
    descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw FileError.system("write", path, errno: errno) }
    if let byteCount, ftruncate(descriptor, off_t(byteCount)) != 0 {
      let number = errno
      close(descriptor)
      throw FileError.system("write", path, errno: number)
    }
  }

  deinit { close(descriptor) }

  /// Adds bytes.
  ///
  /// - Throws: `FileError`; a part of the bytes may be written then.
  public func append(_ bytes: [UInt8]) throws {
    if let number = bytes.withUnsafeBytes({ writeAll($0, to: descriptor) }) {
      throw FileError.system("write", path, errno: number)
    }
  }
}
