internal import Foundation

/// Operations on folders.
public enum Folder {
  /// Makes a folder and its parents unless they exist; checks that it is writable.
  ///
  /// - Returns: the folders that did not exist before, the outermost first.
  /// - Throws: `FileError`; folders that were made are removed again.
  @discardableResult
  public static func make(_ path: String) throws -> [String] {
    var (folder, made) = ("", [String]())
    do {
      for part in path.split(separator: "/", omittingEmptySubsequences: true) {
        folder += (folder.isEmpty && !path.hasPrefix("/") ? "" : "/") + part
        if mkdir(folder, 0o777) == 0 {
          made.append(folder)
        } else if errno != EEXIST {
          let number = errno
          // A parent may be unreadable, or on a read-only file system, and still exist.
          guard exists(folder) else { throw FileError.system("make folder", path, errno: number) }
        }
      }
      try checkWritable(path)
    } catch {
      removeEmpty(made)
      throw error
    }
    return made
  }

  /// The folders that `make` would make, the outermost first.
  public static func missing(_ path: String) -> [String] {
    var (folder, folders) = (withoutTrailingSlashes(path), [String]())
    while !exists(folder), folder != "/", !folder.isEmpty {
      folders.insert(folder, at: 0)
      folder = withoutTrailingSlashes(parent(of: folder))
    }
    return folders
  }

  /// Removes those of some folders that are empty, the last first.
  public static func removeEmpty(_ folders: [String]) {
    for folder in folders.reversed() { rmdir(folder) }
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

  /// A folder's path without slashes at its end; the root stays "/".
  package static func withoutTrailingSlashes(_ path: String) -> String {
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    return path
  }

  /// A folder's path that ends in the folder's own name, so that names next to the folder can be made of
  /// it: `.` and `..` are resolved, slashes at the end dropped.
  package static func named(_ path: String) -> String {
    let path = withoutTrailingSlashes(path)
    guard [".", ".."].contains(path.split(separator: "/").last ?? "") else { return path }
    guard let resolved = realpath(path, nil) else { return URL(filePath: path).standardized.path }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  /// Whether a regular file of that name exists.
  public static func hasFile(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }

  /// The parent folder of a path.
  public static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
}

extension Folder {
  /// Renames a file or folder, replacing a file or an empty folder, and flushes the change to disk.
  ///
  /// - Throws: `FileError`.
  public static func rename(_ path: String, to target: String) throws {
    guard Foundation.rename(path, target) == 0 else {
      throw FileError.system("rename to", target, errno: errno)
    }
    sync(parent(of: target))
  }

  /// Makes a symbolic link to `name` at `path`, replacing an older link or file.
  ///
  /// - Throws: `FileError`: `noLinks` on a file system without symbolic links.
  public static func link(_ path: String, to name: String) throws {
    try link(path, to: name) { symlink($0, $1) == 0 ? 0 : errno }
  }

  /// Makes a symbolic link by a given call.
  ///
  /// - Parameters:
  ///   - path: the link.
  ///   - name: what it refers to.
  ///   - makeLink: makes a link to its first argument at its second; returns 0 or `errno`.
  /// - Throws: `FileError`: `noLinks` if the call says that there are no symbolic links.
  package static func link(
    _ path: String, to name: String, by makeLink: (_ name: String, _ path: String) -> Int32
  ) throws {
    let temporary = "\(parent(of: path))/.partial-link-\(getpid())"
    unlink(temporary)
    let number = makeLink(name, temporary)
    guard number == 0 else {
      // The same numbers say that nothing can be written to the folder.
      guard numbersWithoutLinks.contains(number), takesFiles(temporary) else {
        throw FileError.system("write", path, errno: number)
      }
      throw FileError(
        .noLinks, path: path,
        message: "cannot link '\(path)': the file system has no symbolic links"
          + " (\(String(cString: strerror(number))))")
    }
    do {
      try rename(temporary, to: path)
    } catch {
      unlink(temporary)
      throw error
    }
  }

  /// What `symlink` says on file systems without links: Linux's exFAT and FAT (EPERM), SMB and NFS
  /// servers (EOPNOTSUPP, EACCES), FUSE (ENOSYS, EPERM), and shared folders of virtual machines (EINVAL,
  /// EROFS).
  private static let numbersWithoutLinks: Set<Int32> = [
    EPERM, EACCES, ENOTSUP, EOPNOTSUPP, ENOSYS, EINVAL, EROFS,
  ]

  /// Whether a file of that name can be made; it is removed again.
  private static func takesFiles(_ path: String) -> Bool {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return false }
    close(descriptor)
    unlink(path)
    return true
  }

  /// Whether a symbolic link of that name exists, whatever it refers to.
  package static func isLink(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
  }

  /// Flushes a folder's entries to disk, on file systems that can.
  static func sync(_ path: String) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }
}
