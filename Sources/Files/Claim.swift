internal import Foundation

/// A claim on a piece of work that several processes may take up, by a file that only one of them
/// can create.
///
/// The file says who holds the claim: process, start time and host. A claim whose process on this
/// host is gone is taken over in place, so that the file never vanishes on the way. Claims of other
/// hosts stay until somebody removes the file.
public final class Claim {
  /// Who holds a claim.
  public struct Owner: Sendable, Equatable, CustomStringConvertible {
    /// The process.
    public let process: Int32
    /// When it started, in clock ticks since the host did; 0 if that is not known.
    public let start: UInt64
    /// The name of the host.
    public let host: String

    /// Process and host.
    public var description: String { "process \(process) on \(host)" }

    /// Who runs this code.
    public static var current: Owner {
      let process = getpid()
      return Owner(process: process, start: startTime(of: process), host: HostName.current)
    }

    /// Whether the process is known to be gone.
    public var isGone: Bool {
      guard host == HostName.current else { return false }
      guard Owner.isRunning(process) else { return true }
      let other = Owner.startTime(of: process)
      return start != 0 && other != 0 && start != other
    }

    /// As it stands in the file: of a fixed length, so that one owner replaces another at once.
    var record: [UInt8] {
      let text = Array("\(process) \(start) \(host)".utf8)
      let padding = Array(repeating: UInt8(ascii: " "), count: max(0, 319 - text.count))
      return text + padding + [UInt8(ascii: "\n")]
    }

    /// Reads a record; nil for anything else.
    init?(record: some Sequence<UInt8>) {
      let text = String(decoding: Array(record), as: UTF8.self)
      let parts = text.split(whereSeparator: \.isWhitespace)
      guard parts.count == 3, let process = Int32(parts[0]), process > 0,
        let start = UInt64(parts[1])
      else { return nil }
      self.init(process: process, start: start, host: String(parts[2]))
    }

    init(process: Int32, start: UInt64, host: String) {
      self.process = process
      self.start = start
      self.host = host
    }

    static func isRunning(_ process: Int32) -> Bool {
      kill(process, 0) == 0 || errno == EPERM
    }

    /// The 22nd field of the process's `stat`; the second, in brackets, may hold spaces.
    private static func startTime(of process: Int32) -> UInt64 {
      guard let data = FileManager.default.contents(atPath: "/proc/\(process)/stat"),
        let rest = String(decoding: data, as: UTF8.self).split(separator: ")").last
      else { return 0 }
      let fields = rest.split(separator: " ")
      return fields.count > 19 ? UInt64(fields[19]) ?? 0 : 0
    }
  }

  private let path: String
  private var isHeld = true

  /// Takes a claim; nil if another process holds it, or this one does already.
  ///
  /// What a process that is gone left half-written in the folder is removed with its claim.
  ///
  /// - Parameter path: the file.
  /// - Throws: `FileError` if the file cannot be written.
  public init?(_ path: String) throws {
    let record = Owner.current.record
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    if descriptor < 0 {
      guard errno == EEXIST else { throw FileError.system("write", path, errno: errno) }
      guard try Claim.takeOver(path, record) else { return nil }
    } else {
      defer { close(descriptor) }
      do {
        try Claim.write(record, descriptor, path)
      } catch {
        unlink(path)
        throw error
      }
    }
    self.path = path
  }

  deinit { release() }

  /// Gives the claim up.
  public func release() {
    guard isHeld else { return }
    isHeld = false
    unlink(path)
  }

  /// Who holds a claim; nil if nobody does.
  public static func owner(of path: String) -> Owner? {
    FileManager.default.contents(atPath: path).flatMap { Owner(record: $0) }
  }

  /// A file without a record is of a process that was stopped between making and filling it, if it
  /// is older than this many seconds.
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
    if let owner = Owner(record: buffer.prefix(max(count, 0))) {
      guard owner.isGone else { return false }
      AtomicFile.removeLeftovers(of: owner.process, in: Folder.parent(of: path))
    } else {
      guard time(nil) - status.st_mtim.tv_sec > emptyAge else { return false }
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
