internal import Foundation

/// Makes a folder, or a file with no content, whose name is any bytes.
///
/// - Parameters:
///   - name: the bytes; "/" is `0x2F`, and the folders before it exist.
///   - folder: where.
///   - isFolder: whether it is a folder.
/// - Throws: if the file system refuses.
public func makeEntry(_ name: [UInt8], in folder: String, isFolder: Bool) throws {
  let path = Array(folder.utf8) + [0x2F] + name + [0]
  let made = path.withUnsafeBytes { bytes in
    let name = bytes.assumingMemoryBound(to: CChar.self).baseAddress
    guard let name else { return false }
    if isFolder { return mkdir(name, 0o777) == 0 }
    let descriptor = open(name, O_WRONLY | O_CREAT, 0o666)
    guard descriptor >= 0 else { return false }
    close(descriptor)
    return true
  }
  guard made else { throw CocoaError(.fileWriteUnknown) }
}
