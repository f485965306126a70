internal import Foundation

/// An entry of a folder.
public struct FolderEntry: Sendable {
  /// What an entry is; that of a symbolic link is its target's.
  public enum Kind: Sendable {
    /// A folder.
    case folder
    /// A file, pipe or device.
    case file
    /// A link without a target, or one that cannot be followed.
    case unknown
  }

  /// The name; nil if its bytes are not UTF-8. A path cannot name such an entry.
  public let name: String?
  /// The name for messages, on one line: `caf\xE9`.
  public let shownName: String
  /// What it is.
  public let kind: Kind

  fileprivate init(_ bytes: UnsafeRawBufferPointer, _ kind: Kind) {
    let text = String(validating: bytes, as: UTF8.self)
    name = text
    shownName = text.flatMap { FolderEntry.isPlain($0) ? $0 : nil } ?? FolderEntry.shown(bytes)
    self.kind = kind
  }

  private static func isPlain(_ text: String) -> Bool {
    !text.utf8.contains { $0 < 0x20 || $0 == 0x7F }
  }

  /// A name with control characters, and bytes that are not UTF-8, as `\xE9`.
  package static func shown(_ bytes: UnsafeRawBufferPointer) -> String {
    var text = ""
    var rest = bytes[...]
    while let first = rest.first {
      let length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
      if first >= 0x20, first != 0x7F,
        let character = String(validating: rest.prefix(length), as: UTF8.self)
      {
        text += character
        rest = rest.dropFirst(length)
      } else {
        text += String(format: "\\x%02X", first)
        rest = rest.dropFirst()
      }
    }
    return text
  }
}

extension Folder {
  /// The entries of a folder, hidden ones included, by the bytes of their names.
  ///
  /// - Throws: `FileError`.
  public static func entries(in path: String) throws -> [FolderEntry] {
    guard let stream = opendir(path) else { throw FileError.system("list", path, errno: errno) }
    defer { closedir(stream) }
    let descriptor = dirfd(stream)
    var entries: [(name: [UInt8], entry: FolderEntry)] = []
    while true {
      errno = 0
      guard let record = readdir(stream) else {
        guard errno == 0 else { throw FileError.system("list", path, errno: errno) }
        break
      }
      withUnsafePointer(to: &record.pointee.d_name) { tuple in
        let name = UnsafeRawPointer(tuple).assumingMemoryBound(to: CChar.self)
        let bytes = UnsafeRawBufferPointer(start: name, count: strlen(name))
        guard !bytes.elementsEqual(".".utf8), !bytes.elementsEqual("..".utf8) else { return }
        let kind = kind(record.pointee.d_type, name, descriptor)
        entries.append((Array(bytes), FolderEntry(bytes, kind)))
      }
    }
    return entries.sorted { $0.name.lexicographicallyPrecedes($1.name) }.map(\.entry)
  }

  private static func kind(
    _ type: UInt8, _ name: UnsafePointer<CChar>, _ folder: Int32
  ) -> FolderEntry.Kind {
    if Int(type) == Int(DT_DIR) { return .folder }
    guard Int(type) == Int(DT_LNK) || Int(type) == Int(DT_UNKNOWN) else { return .file }
    var status = stat()
    guard fstatat(folder, name, &status, 0) == 0 else { return .unknown }
    return status.st_mode & S_IFMT == S_IFDIR ? .folder : .file
  }
}
