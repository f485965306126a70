internal import Foundation

/// A whole file mapped into memory, read from disk as its pages are touched.
///
/// The mapping is private: writing through `bytes.baseAddress` (made mutable) copies the pages
/// concerned and never changes the file. If another program shortens a mapped file, touching the lost
/// pages ends this program.
public final class MappedFile {
  /// The path that was opened.
  public let path: String
  /// The content, valid for the lifetime of this object.
  public let bytes: UnsafeRawBufferPointer

  /// Maps a file.
  ///
  /// - Throws: `FileError` if it is missing, a folder, not a regular file, empty or unreadable.
  public init(_ path: String) throws {
    // O_NONBLOCK: a pipe must be refused, not waited for.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw FileError.system("read", path, errno: errno) }
    defer { close(descriptor) }
    let count = try MappedFile.size(of: descriptor, path)
    let address = mmap(
      nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, descriptor, 0)
    guard let address, address != MAP_FAILED else {
      throw FileError.system("map", path, errno: errno)
    }
    self.path = path
    bytes = UnsafeRawBufferPointer(start: address, count: count)
  }

  deinit { munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count) }

  /// Releases the memory of pages that were read; they are read again when touched.
  ///
  /// Changes to them are lost.
  public func releasePages() {
    madvise(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count, MADV_DONTNEED)
  }

  private static func size(of descriptor: Int32, _ path: String) throws -> Int {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw FileError.system("read", path, errno: errno)
    }
    switch status.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFDIR: throw FileError.system("read", path, errno: EISDIR)
    default:
      throw FileError(
        .notRegular, path: path,
        message: "cannot read '\(path)': it is a pipe or device; name a file")
    }
    guard status.st_size > 0 else {
      throw FileError(
        .empty, path: path,
        message: "cannot read '\(path)': the file is empty; was it copied or downloaded whole?")
    }
    return Int(status.st_size)
  }
}
