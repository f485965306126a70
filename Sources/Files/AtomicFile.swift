internal import Foundation

/// A file that appears under its name only when it is complete.
///
/// Bytes go to a hidden file in the same folder, which `commit` flushes to disk and renames. Without
/// `commit`, after an error for example, the hidden file is removed and an older file of that name
/// stays.
public struct AtomicFile: ~Copyable {
  /// The name that the file will have.
  public let path: String
  /// The bytes appended so far.
  public private(set) var byteCount = 0

  private let target: String
  private let temporary: String
  private let expectedByteCount: Int?
  private var descriptor: Int32
  /// The bytes that the disk was told to write.
  private var startedByteCount = 0

  /// New bytes after which the disk is told to write, so that it works while the next are computed.
  private static let writingByteCount = 32 << 20

  /// Starts a file.
  ///
  /// - Parameters:
  ///   - path: its name; `commit` replaces an older file and follows a symbolic link.
  ///   - expectedByteCount: its size, if known, to check the room on the disk at once.
  /// - Throws: `FileError` if the folder is missing or not writable, if `path` is a folder or a
  ///   device, or if the disk lacks room.
  public init(_ path: String, expectedByteCount: Int? = nil) throws {
    let target = try AtomicFile.destination(path)
    let folder = Folder.parent(of: target)
    if let expectedByteCount { try AtomicFile.checkRoom(expectedByteCount, in: folder, for: path) }
    let token = String(UInt64.random(in: 0...UInt64.max), radix: 36)
    let temporary = folder + "/" + AtomicFile.prefix(of: getpid()) + token
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw FileError.system("write", path, errno: errno) }
    self.path = path
    self.target = target
    self.temporary = temporary
    self.expectedByteCount = expectedByteCount
    self.descriptor = descriptor
  }

  deinit {
    guard descriptor >= 0 else { return }
    close(descriptor)
    unlink(temporary)
  }

  /// Writes a whole file at once.
  ///
  /// - Throws: `FileError`; an older file is then unchanged.
  public static func write(contentsOf bytes: UnsafeRawBufferPointer, to path: String) throws {
    var file = try AtomicFile(path, expectedByteCount: bytes.count)
    try file.append(bytes)
    try file.commit()
  }

  /// Writes a whole text file at once, in UTF-8.
  ///
  /// - Throws: `FileError`; an older file is then unchanged.
  public static func write(_ text: String, to path: String) throws {
    var text = text
    try text.withUTF8 { try write(contentsOf: UnsafeRawBufferPointer($0), to: path) }
  }

  /// Renames a complete file on the same disk, replacing the target.
  ///
  /// - Throws: `FileError`; both files are then unchanged.
  public static func move(_ source: String, to path: String) throws {
    let target = try destination(path)
    guard rename(source, target) == 0 else { throw FileError.system("write", path, errno: errno) }
    Folder.sync(Folder.parent(of: target))
  }

  /// Adds bytes at the end.
  ///
  /// - Throws: `FileError`, with the number of bytes needed if the disk is full.
  public mutating func append(_ bytes: UnsafeRawBufferPointer) throws {
    let total = byteCount + bytes.count
    let failed = writeAll(bytes, to: descriptor) { count in
      byteCount += count
      startWriting()
    }
    if let failed { throw failure(failed, needed: max(expectedByteCount ?? 0, total)) }
  }

  /// Flushes the bytes to disk and gives the file its name.
  ///
  /// Call it once, as the last step.
  ///
  /// - Throws: `FileError`; an older file is then unchanged.
  public mutating func commit() throws {
    guard descriptor >= 0 else { fatalError("AtomicFile: '\(path)' was committed already") }
    guard fsync(descriptor) == 0, rename(temporary, target) == 0 else {
      throw failure(errno, needed: expectedByteCount ?? byteCount)
    }
    close(descriptor)
    descriptor = -1
    Folder.sync(Folder.parent(of: target))
  }

  /// Removes the half-written files of a process that is gone.
  static func removeLeftovers(of process: Int32, in folder: String) {
    guard !LockOwner.isRunning(process) else { return }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    for name in names where name.hasPrefix(prefix(of: process)) { unlink(folder + "/" + name) }
  }

  private static func prefix(of process: Int32) -> String { ".partial-\(process)-" }

  /// Has the disk begin with what is new.
  private mutating func startWriting() {
    let count = byteCount - startedByteCount
    guard count >= AtomicFile.writingByteCount else { return }
    System.startWriting(descriptor, from: startedByteCount, count: count)
    startedByteCount = byteCount
  }

  private func failure(_ number: Int32, needed: Int) -> FileError {
    guard number == ENOSPC || number == EDQUOT else {
      return FileError.system("write", path, errno: number)
    }
    return AtomicFile.noSpace(path, needed: needed, available: nil)
  }

  private static func noSpace(_ path: String, needed: Int, available: Int?) -> FileError {
    let room = available.map { " and there are \($0)" } ?? ""
    return FileError(
      .noSpace, path: path,
      message: "cannot write '\(path)': No space left on device; the file needs \(needed) bytes"
        + "\(room); free some or choose another disk")
  }

  /// The file to replace, with symbolic links resolved.
  private static func destination(_ path: String) throws -> String {
    var status = stat()
    guard stat(path, &status) == 0 else {
      guard errno == ENOENT else { throw FileError.system("write", path, errno: errno) }
      return path
    }
    switch status.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFDIR: throw FileError.system("write", path, errno: EISDIR)
    default:
      throw FileError(
        .notRegular, path: path,
        message: "cannot write '\(path)': it is a pipe or device; name a file")
    }
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFLNK else { return path }
    guard let resolved = realpath(path, nil) else {
      throw FileError.system("write", path, errno: errno)
    }
    defer { free(resolved) }
    guard let target = String(validatingCString: resolved) else {
      throw FileError(
        .system, path: path, message: "cannot write '\(path)': it links to a name that is not UTF-8"
      )
    }
    return target
  }

  /// Checks that a folder's disk has room for new files.
  ///
  /// - Parameters:
  ///   - count: the bytes needed.
  ///   - folder: an existing folder.
  /// - Throws: `FileError` that says how many bytes are needed.
  public static func checkRoom(_ count: Int, for folder: String) throws {
    try checkRoom(count, in: folder, for: folder)
  }

  private static func checkRoom(_ count: Int, in folder: String, for path: String) throws {
    var status = statvfs()
    guard statvfs(folder, &status) == 0 else {
      throw FileError.system("write", path, errno: errno)
    }
    let (bytes, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(
      by: UInt64(status.f_frsize))
    guard !overflow, bytes < UInt64(count) else { return }
    throw noSpace(path, needed: count, available: Int(bytes))
  }
}
