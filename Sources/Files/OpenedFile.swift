internal import Foundation

/// A file that is open for reading, also after it is renamed or removed.
package final class OpenedFile: Sendable {
  /// The path that was opened.
  package let path: String
  private let descriptor: Int32

  /// Opens a file.
  ///
  /// - Throws: `FileError`.
  package init(_ path: String) throws {
    descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw FileError.system("read", path, errno: errno) }
    self.path = path
  }

  /// Has the calling thread run where others leave the processors to it, as for work in the background.
  package static func yieldToOtherThreads() { System.yieldToOtherThreads() }

  deinit { close(descriptor) }

  /// Adds the whole content to a digest.
  ///
  /// - Throws: `FileError`.
  package func add(to digest: inout SHA256) throws {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { buffer.deallocate() }
    var offset = 0
    while true {
      let count = pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw FileError.system("read", path, errno: errno) }
      guard count > 0 else { return }
      digest.add(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      offset += count
    }
  }
}
