internal import Foundation

/// Writes all of some bytes to an open file, however few the system takes at a time.
///
/// - Parameters:
///   - bytes: what to write.
///   - descriptor: of the file.
///   - afterEach: called with the number of bytes of each part that is written.
/// - Returns: the number of the error that ended it; nil for none.
func writeAll(
  _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, afterEach: (Int) -> Void = { _ in }
) -> Int32? {
  var rest = bytes
  while !rest.isEmpty {
    let count = write(descriptor, rest.baseAddress, rest.count)
    if count < 0 {
      guard errno == EINTR else { return errno }
      continue
    }
    afterEach(count)
    rest = UnsafeRawBufferPointer(rebasing: rest[count...])
  }
  return nil
}
