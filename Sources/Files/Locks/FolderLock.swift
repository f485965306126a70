internal import Foundation

/// Keeps other processes from writing to a folder.
///
/// The system releases the lock when the process ends, however it ends. Its file `.lock` stays. On a
/// file system without locks, nothing is locked.
public final class FolderLock {
  /// The name of its file.
  package static let fileName = ".lock"

  private let descriptor: Int32

  /// Takes the lock.
  ///
  /// - Parameter folder: an existing folder.
  /// - Throws: `FileError`: `inUse` if another process holds the lock, or this one does already.
  public init(_ folder: String) throws {
    let path = folder + "/" + FolderLock.fileName
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw FileError.system("write", path, errno: errno) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK else {
      close(descriptor)
      let owner = FolderLock.owner(of: folder).map { "\($0)" } ?? "another process"
      throw FileError(.inUse, path: folder, message: "'\(folder)' is in use by \(owner)")
    }
    self.descriptor = descriptor
    // The owner is for people to read.
    let record = LockOwner.current.record
    _ = pwrite(descriptor, record, record.count, 0)
  }

  deinit { close(descriptor) }

  /// The owner of a folder's lock, or its last one; nil if that is not known.
  public static func owner(of folder: String) -> LockOwner? {
    LockFile.owner(of: folder + "/" + fileName)
  }
}
