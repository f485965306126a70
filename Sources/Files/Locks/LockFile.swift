internal import Foundation

/// A lock on a piece of work that any of several processes may do: a file that only one of them can
/// create.
///
/// The file names its owner. If that process ran on this host and is gone, the next one takes the lock
/// over in place, so the file never vanishes in between. Locks of other hosts stay until somebody
/// removes the file.
public final class LockFile {
  private let path: String
  private var isHeld = true

  /// Takes the lock; nil if another process holds it, or this one does already.
  ///
  /// When a lock is taken over, the half-written files that its process left in the folder are removed.
  ///
  /// - Parameter path: the file.
  /// - Throws: `FileError` if the file cannot be written.
  public init?(_ path: String) throws {
    let record = LockOwner.current.record
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    if descriptor < 0 {
      guard errno == EEXIST else { throw FileError.system("write", path, errno: errno) }
      guard try LockFile.takeOver(path, record) else { return nil }
    } else {
      defer { close(descriptor) }
      do {
        try LockFile.write(record, descriptor, path)
      } catch {
        unlink(path)
        throw error
      }
    }
    self.path = path
  }

  deinit { release() }

  /// Releases the lock.
  public func release() {
    guard isHeld else { return }
    isHeld = false
    unlink(path)
  }

  /// The owner of a lock; nil if nobody holds it.
  public static func owner(of path: String) -> LockOwner? {
    FileManager.default.contents(atPath: path).flatMap { LockOwner(record: $0) }
  }

  /// The age in seconds from which a file without an owner counts as left by a process that was
  /// stopped between creating and filling it.
  private static let emptyAge = 60

  private static func takeOver(_ path: String, _ record: [UInt8]) throws -> Bool {
    let descriptor = open(path, O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else {
      guard errno == ENOENT else { throw FileError.system("write", path, errno: errno) }
      return false
    }
    defer { close(descriptor) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { return false }
    var (status, named) = (stat(), stat())
    guard fstat(descriptor, &status) == 0, stat(path, &named) == 0, status.st_ino == named.st_ino,
      status.st_dev == named.st_dev
    else { return false }
    var buffer = [UInt8](repeating: 0, count: 1024)
    let count = pread(descriptor, &buffer, buffer.count, 0)
    if let owner = LockOwner(record: buffer.prefix(max(count, 0))) {
      guard owner.isGone else { return false }
      AtomicFile.removeLeftovers(of: owner.process, in: Folder.parent(of: path))
    } else {
      guard time(nil) - System.modificationTime(status).tv_sec > emptyAge else { return false }
    }
    try write(record, descriptor, path)
    return true
  }

  private static func write(_ record: [UInt8], _ descriptor: Int32, _ path: String) throws {
    guard pwrite(descriptor, record, record.count, 0) == record.count else {
      throw FileError.system("write", path, errno: errno)
    }
  }
}
