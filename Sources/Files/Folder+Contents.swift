internal import Foundation

extension Folder {
  /// Whether a folder of that name exists.
  public static func exists(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// The sorted names of a folder's entries.
  ///
  /// - Throws: `FileError`.
  public static func names(in path: String) throws -> [String] {
    do {
      return try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    } catch {
      throw failure("read", path, error)
    }
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
      throw failure("remove", path, error)
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

  private static func failure(_ action: String, _ path: String, _ error: any Error) -> FileError {
    FileError(
      .system, path: path, message: "cannot \(action) '\(path)': \(error.localizedDescription)")
  }
}
