internal import Files

/// The images of a folder and of the folders below it, in class folders or not.
///
/// They are in the order of the bytes of their paths, those of the folder itself first. What counts as an
/// image, and that a subfolder `train` of class folders stands for the whole, is as in `ImageFolder`.
public struct ImageFiles: Sendable {
  /// The folder.
  public let path: String
  /// That `train` was taken; nil otherwise.
  public let finding: ImageFolder.Finding?
  /// The folders in it that have images, by the bytes of their names.
  public let folders: [String]

  /// Relative to `path`.
  private let files: [String]
  /// For each image its folder's place in `folders`; nil for an image of the folder itself.
  private let places: [Int?]

  /// Lists a folder; no image is opened.
  ///
  /// - Parameters:
  ///   - path: the folder.
  ///   - leftOut: names of files in the folder itself that are no part of the set.
  /// - Throws: `ImageError` if the folder is missing, has no image, or has a name that is not UTF-8.
  public init(_ path: String, leavingOut leftOut: Set<String> = []) throws {
    try FolderListing.check(path)
    let (root, listing, finding) = try ImageFolder.root(of: path)
    var files = listing.images.filter { !leftOut.contains($0) }
    var places = [Int?](repeating: nil, count: files.count)
    var (folders, unnamed): ([String], [String]) = ([], listing.unnamed)
    for name in listing.folders {
      let content = try ClassFolder(root, name)
      unnamed += content.leftOut.unnamed
      guard !content.images.isEmpty else { continue }
      places += Array(repeating: folders.count, count: content.images.count)
      files += content.images
      folders.append(name)
    }
    try ImageFolder.check(unnamed, root)
    guard !files.isEmpty else {
      throw ImageError(
        "no images in '\(root)' or the folders below it; files that end in"
          + " \(FolderListing.endings.joined(separator: ", ")) are taken")
    }
    self.path = root
    self.finding = finding
    self.folders = folders
    self.files = files
    self.places = places
  }

  /// Number of images.
  public var count: Int { files.count }

  /// The path of an image.
  public func path(at index: Int) -> String { path + "/" + files[index] }

  /// The path of an image, relative to `path`.
  public func relativePath(at index: Int) -> String { files[index] }

  /// The place of an image's folder in `folders`; nil for an image of the folder itself.
  public func folder(at index: Int) -> Int? { places[index] }
}
