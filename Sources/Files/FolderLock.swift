internal import Foundation

/// Keeps other processes from writing to a folder, for as long as this one lives.
///
/// The system lets go of the lock when the process ends, however it ends. The file that carries it stays.
/// Where a file system has no locks, there is none.
public final class FolderLock {
  private let descriptor: Int32

  /// Takes the lock; nil if another process holds it, or this one does already.
  ///
  /// - Parameter folder: that is there.
  /// - Throws: `FileError` if the file `.lock` in it cannot be written.
  public init?(_ folder: String) throws {
    let path = folder + "/.lock"
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw FileError.system("write", path, errno: errno) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK else {
      close(descriptor)
      return nil
    }
    self.descriptor = descriptor
    // Who holds it is for people to read.
    let record = Claim.Owner.current.record
    _ = pwrite(descriptor, record, record.count, 0)
  }

  deinit { close(descriptor) }

  /// Who holds the lock of a folder, or held it last; nil if that is not known.
  public static func owner(of folder: String) -> Claim.Owner? { Claim.owner(of: folder + "/.lock") }

  /// Says that another process has the lock of a folder, and what to do.
  ///
  /// - Parameters:
  ///   - folder: that is there.
  ///   - option: by which another one is chosen.
  /// - Returns: the message.
  public static func refusal(of folder: String, option: String) -> String {
    let owner = owner(of: folder).map { "\($0)" } ?? "another process"
    return "'\(folder)' is in use by \(owner): wait for it, stop it, or choose another \(option)"
  }
}
