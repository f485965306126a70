internal import Foundation

/// Writes bytes to an open file, in as many calls as the system needs.
///
/// - Parameters:
///   - bytes: the bytes.
///   - descriptor: the file's descriptor.
///   - afterEach: called after each call with the number of bytes that it wrote.
/// - Returns: the `errno` of a failure; nil if all bytes were written.
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
