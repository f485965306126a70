internal import Foundation

/// Tells states of a file or folder apart without reading its content.
public enum FileStamp {
  /// The path without symbolic links, the size and the time of the last change; for a folder, the sum
  /// and the latest time over all its files.
  ///
  /// - Throws: `FileError` if it does not exist.
  public static func text(of path: String) throws -> String {
    let resolved = URL(filePath: path).resolvingSymlinksInPath().path
    // Folders above may have names that are not UTF-8, which only a relative path avoids.
    let real = access(resolved, F_OK) == 0 ? resolved : path
    var (size, changed) = (0, timespec())
    var paths = [real]
    if Folder.exists(real) {
      paths = (FileManager.default.enumerator(atPath: real)?.allObjects as? [String] ?? []).map {
        real + "/" + $0
      }
    }
    for path in paths {
      var status = stat()
      guard stat(path, &status) == 0 else {
        // A name that is not UTF-8 arrives with this character in it; nothing reads such a file.
        if path != real, path.unicodeScalars.contains("\u{FFFD}") { continue }
        throw FileError.system("read", path, errno: errno)
      }
      guard status.st_mode & S_IFMT == S_IFREG else { continue }
      size += Int(status.st_size)
      let time = System.modificationTime(status)
      if (time.tv_sec, time.tv_nsec) > (changed.tv_sec, changed.tv_nsec) { changed = time }
    }
    let day = Date(timeIntervalSince1970: Double(changed.tv_sec)).ISO8601Format().dropLast()
    return "'\(real)' of \(size) bytes, changed \(day)" + String(format: ".%09dZ", changed.tv_nsec)
  }
}
