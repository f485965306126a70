internal import Foundation

/// Folders that files go to.
public enum Folder {
  /// Makes a folder, with those around it, unless it is there; checks that it can be written to.
  ///
  /// - Throws: `FileError`.
  public static func make(_ path: String) throws {
    var made = ""
    for part in path.split(separator: "/", omittingEmptySubsequences: true) {
      made += (made.isEmpty && !path.hasPrefix("/") ? "" : "/") + part
      guard mkdir(made, 0o777) != 0, errno != EEXIST else { continue }
      let number = errno
      // Folders on the way may be unreadable, or on a read-only file system, and still be there.
      var status = stat()
      guard stat(made, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
        throw FileError.system("make folder", path, errno: number)
      }
    }
    try checkWritable(path)
  }

  /// Checks that files can be made in a folder.
  ///
  /// - Throws: `FileError`.
  public static func checkWritable(_ path: String) throws {
    var status = stat()
    guard stat(path, &status) == 0 else { throw FileError.system("write to", path, errno: errno) }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      throw FileError(
        .notRegular, path: path, message: "cannot write to '\(path)': it is a file, not a folder")
    }
    guard access(path, W_OK | X_OK) == 0 else {
      throw FileError.system("write to", path, errno: errno)
    }
  }

  /// Whether there is a regular file of that name.
  public static func hasFile(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }

  /// The folder that a path lies in.
  public static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
}

extension Folder {
  /// Gives a file or folder another name, replacing a file or an empty folder, and brings the change
  /// to disk.
  ///
  /// - Throws: `FileError`.
  public static func rename(_ path: String, to target: String) throws {
    guard Foundation.rename(path, target) == 0 else {
      throw FileError.system("rename to", target, errno: errno)
    }
    sync(parent(of: target))
  }

  /// Points a symbolic link at a name, replacing what had the link's name.
  ///
  /// - Throws: `FileError`.
  public static func link(_ path: String, to name: String) throws {
    let temporary = "\(parent(of: path))/.partial-link-\(getpid())"
    unlink(temporary)
    guard symlink(name, temporary) == 0 else {
      throw FileError.system("write", path, errno: errno)
    }
    try rename(temporary, to: path)
  }

  /// Brings a folder's entries to disk; some file systems cannot, and then nothing is lost but that.
  static func sync(_ path: String) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }
}
