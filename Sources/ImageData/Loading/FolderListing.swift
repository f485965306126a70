internal import Files

/// The entries of a folder by kind, sorted by the bytes of their names.
struct FolderListing {
  /// File extensions of images, in lower case.
  static let endings = ["jpeg", "jpg", "png", "bmp"]

  /// File extensions of images that are not read.
  private static let unreadEndings: Set = [
    "webp", "gif", "tif", "tiff", "ppm", "pgm", "pbm", "pnm", "avif", "heic", "heif", "jxl", "jp2",
    "jfif", "jpe", "tga", "svg", "ico", "psd",
  ]

  /// Folders that systems, archive programs and file servers keep among those of their users, in lower
  /// case.
  private static let systemFolders: Set = [
    "__macosx", "@eadir", "#recycle", "#snapshot", "$recycle.bin", "lost+found",
    "system volume information",
  ]

  /// Folders and links to folders, whatever their names.
  let folders: [String]
  /// Other entries named like an image, unopened.
  let images: [String]
  /// Images of kinds that are not read, by their names.
  let unreadImages: [String]
  /// Folders that are no part of the data.
  let systemFolders: [String]
  /// Folders and images whose names are not UTF-8, as messages show them.
  let unnamed: [String]
  /// Folders and images whose names begin with a dot, as messages show them. Other such files are no
  /// data, and are not told.
  let hidden: [String]
  /// Everything else, as messages show it.
  let others: [String]

  /// Lists a folder.
  ///
  /// - Throws: `ImageError` if it cannot be read.
  init(_ path: String) throws(ImageError) {
    let entries: [FolderEntry]
    do {
      entries = try Folder.entries(in: path)
    } catch {
      throw ImageError("\(error)")
    }
    var (folders, images, unread): ([String], [String], [String]) = ([], [], [])
    var (system, unnamed, others): ([String], [String], [String]) = ([], [], [])
    var hidden: [String] = []
    for entry in entries {
      let isFolder = entry.kind == .folder
      let ending = isFolder ? "" : FolderListing.ending(of: entry.name ?? entry.shownName)
      let isImage = FolderListing.endings.contains(ending)
      guard !entry.shownName.hasPrefix(".") else {
        if isFolder || isImage || FolderListing.unreadEndings.contains(ending) {
          hidden.append(entry.shownName)
        }
        continue
      }
      switch entry.name {
      case nil where isFolder || isImage: unnamed.append(entry.shownName)
      case let name? where isFolder:
        if FolderListing.systemFolders.contains(name.lowercased()) {
          system.append(name)
        } else {
          folders.append(name)
        }
      case let name? where isImage: images.append(name)
      default:
        if FolderListing.unreadEndings.contains(ending) {
          unread.append(entry.shownName)
        } else {
          others.append(entry.shownName)
        }
      }
    }
    self.folders = folders
    self.images = images
    unreadImages = unread
    systemFolders = system
    self.unnamed = unnamed
    self.hidden = hidden
    self.others = others
  }

  /// Throws unless the path is a folder.
  static func check(_ path: String) throws(ImageError) {
    guard !Folder.exists(path) else { return }
    let reason =
      Folder.hasFile(path)
      ? "it is a file; name the folder that holds the class folders"
      : "no such folder; check the path"
    throw ImageError("cannot read images from '\(path)': \(reason)")
  }

  private static func ending(of name: String) -> String {
    guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")) else { return "" }
    return name[dot...].dropFirst().lowercased()
  }
}
