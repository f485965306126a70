internal import Foundation

extension Folder {
  /// Whether a folder of that name exists.
  public static func exists(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// The sorted names of a folder's entries, without those that are not UTF-8.
  ///
  /// - Throws: `FileError`.
  public static func names(in path: String) throws -> [String] {
    try entries(in: path).compactMap(\.name).sorted()
  }

  /// A sentence about entries of a folder whose names are not UTF-8, to follow a message; empty if there are
  /// none or the folder cannot be listed.
  package static func remarkOnNames(in path: String) -> String {
    let names = ((try? entries(in: path)) ?? []).filter { $0.name == nil }.map(\.shownName)
    guard let first = names.first else { return "" }
    let more = names.count > 1 ? " and \(names.count - 1) more" : ""
    return ". The name of '\(first)'\(more) there is not UTF-8; rename it"
  }

  /// Which folder a path leads to, whatever the path; nil if it is none.
  package static func identity(of path: String) -> FolderIdentity? {
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return nil }
    return FolderIdentity(device: UInt64(status.st_dev), number: UInt64(status.st_ino))
  }

  /// Removes a file, or a folder and its content; does nothing if it does not exist.
  ///
  /// - Throws: `FileError`.
  public static func remove(_ path: String) throws {
    do {
      try FileManager.default.removeItem(atPath: path)
    } catch CocoaError.fileNoSuchFile {
      return
    } catch {
      throw FileError(
        .system, path: path, message: "cannot remove '\(path)': \(error.localizedDescription)")
    }
  }

  /// Makes a hidden folder with a unique name.
  ///
  /// - Returns: its path.
  /// - Throws: `FileError`.
  public static func makeTemporary(in path: String) throws -> String {
    let token = String(UInt64.random(in: 0...UInt64.max), radix: 36)
    let folder = "\(path)/.partial-\(getpid())-\(token)"
    try make(folder)
    return folder
  }
}

/// A folder of this machine, by the numbers of its disk and itself.
package struct FolderIdentity: Hashable, Sendable {
  fileprivate let device: UInt64
  fileprivate let number: UInt64
}
