internal import Foundation

/// The visible entries of a folder by kind, sorted by the bytes of their names.
struct FolderListing {
  /// File extensions of images, in lower case.
  static let endings = ["jpeg", "jpg", "png", "bmp"]

  /// Folders and links to folders, unless named like an image.
  let folders: [String]
  /// Entries named like an image, unopened.
  let images: [String]
  /// Everything else.
  let others: [String]

  /// Lists a folder.
  ///
  /// - Throws: `ImageError` if it cannot be read.
  init(_ path: String) throws {
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: path)
    } catch {
      throw ImageError("cannot list the folder '\(path)': \(error.localizedDescription)")
    }
    var (folders, images, others): ([String], [String], [String]) = ([], [], [])
    for name in names.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
      if name.hasPrefix(".") { continue }
      if FolderListing.isImage(name) {
        images.append(name)
      } else if FolderListing.isFolder(path + "/" + name) {
        folders.append(name)
      } else {
        others.append(name)
      }
    }
    self.folders = folders
    self.images = images
    self.others = others
  }

  /// Whether the path is an existing folder.
  static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      && isFolder.boolValue
  }

  /// Throws unless the path is a folder.
  static func check(_ path: String) throws(ImageError) {
    guard !isFolder(path) else { return }
    let reason =
      FileManager.default.fileExists(atPath: path)
      ? "it is a file; name the folder that holds the class folders"
      : "no such folder; check the path"
    throw ImageError("cannot read images from '\(path)': \(reason)")
  }

  private static func isImage(_ name: String) -> Bool {
    guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")) else { return false }
    return endings.contains(name[dot...].dropFirst().lowercased())
  }
}
