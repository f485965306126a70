internal import Files

/// What lies in a class folder and in the folders below it. Links to folders are followed.
struct ClassFolder {
  /// What was passed over, by paths relative to the data set's folder.
  struct LeftOut {
    var unreadImages: [String] = []
    var systemFolders: [String] = []
    var unnamed: [String] = []
    var hidden: [String] = []
    var others: [String] = []

    mutating func add(_ listing: FolderListing, in folder: String = "") {
      unreadImages += listing.unreadImages.map { folder + $0 }
      systemFolders += listing.systemFolders.map { folder + $0 }
      unnamed += listing.unnamed.map { folder + $0 }
      hidden += listing.hidden.map { folder + $0 }
      others += listing.others.map { folder + $0 }
    }

    mutating func add(_ other: LeftOut) {
      unreadImages += other.unreadImages
      systemFolders += other.systemFolders
      unnamed += other.unnamed
      hidden += other.hidden
      others += other.others
    }
  }

  /// Images, by paths relative to the data set's folder, in the order of torchvision's `ImageFolder`:
  /// folder by folder in the order of the folders' paths, then by name.
  let images: [String]
  /// The folders that hold these images, in their order.
  let folders: [String]
  /// The rest.
  let leftOut: LeftOut

  /// Lists a class folder.
  ///
  /// - Parameters:
  ///   - root: the data set's folder.
  ///   - name: the class folder in it.
  /// - Throws: `ImageError` if a folder cannot be read.
  init(_ root: String, _ name: String) throws(ImageError) {
    let above = [Folder.identity(of: root)].compactMap { $0 }
    let found = try ClassFolder.find(name, in: root, above: above)
    let parts = found.parts.sorted { $0.folder.utf8.lexicographicallyPrecedes($1.folder.utf8) }
    folders = parts.map(\.folder)
    images = parts.flatMap { part in part.images.map { part.folder + "/" + $0 } }
    leftOut = found.leftOut
  }

  private struct Found {
    var parts: [(folder: String, images: [String])] = []
    var leftOut = LeftOut()

    /// Whether there is nothing to tell but that the folder has no images.
    var isEmpty: Bool {
      parts.isEmpty && leftOut.unreadImages.isEmpty && leftOut.systemFolders.isEmpty
        && leftOut.unnamed.isEmpty && leftOut.hidden.isEmpty
    }
  }

  /// Searches a folder and those below it.
  private static func find(
    _ folder: String, in root: String, above: [FolderIdentity]
  ) throws(ImageError) -> Found {
    var found = Found()
    let path = root + "/" + folder
    // A link may lead back to a folder above it.
    guard let identity = Folder.identity(of: path), !above.contains(identity) else { return found }
    let listing = try FolderListing(path)
    if !listing.images.isEmpty { found.parts.append((folder, listing.images)) }
    found.leftOut.add(listing, in: folder + "/")
    for name in listing.folders {
      let below = try find(folder + "/" + name, in: root, above: above + [identity])
      if below.isEmpty {
        found.leftOut.others.append(folder + "/" + name)
      } else {
        found.parts += below.parts
        found.leftOut.add(below.leftOut)
      }
    }
    return found
  }
}
