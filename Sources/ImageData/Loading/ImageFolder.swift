internal import Files

/// A data set of images with class labels, in one of two layouts.
///
/// - Class folders, as torchvision's `ImageFolder` reads them: `class/image.jpg`, or images in folders
///   below, `class/images/image.jpg`. If the folder has a subfolder `train` of class folders, that is
///   used. Classes are numbered by the bytes of their names; images are ordered folder by folder, by the
///   bytes of the folders' paths and of their names. Links to folders are followed.
/// - A table `image_caption.csv` next to the images, with the columns `image` and `class`. Images are
///   numbered by line; captions are ignored.
///
/// Images end in jpeg, jpg, png or bmp, in either case. A folder is a folder, whatever its name. Left out
/// are entries whose names begin with a dot, and folders that systems and file servers make, such as
/// `__MACOSX` and `@eaDir`.
/// The initializer lists the folder once and opens no image.
public struct ImageFolder: Sendable {
  /// The folder that holds the class folders or the table.
  public let path: String
  /// The names of the class folders, by label; empty for a table.
  public let classNames: [String]
  /// Number of classes; labels are below it.
  public let classCount: Int
  /// What listing the folder skipped or chose.
  public let findings: [Finding]

  /// Upper bound of a table's class numbers: the model gets a row for every number up to the
  /// largest.
  public static let unnamedClassLimit = 100_000

  /// Relative to `path`.
  private let files: [String]
  private let labels: [Int]

  /// Lists a folder.
  ///
  /// - Throws: `ImageError` if the folder is missing, has no image, has a name that is not UTF-8, or its
  ///   table has a mistake.
  public init(_ path: String) throws {
    try FolderListing.check(path)
    let table = path + "/" + ImageTable.fileName
    if Folder.hasFile(table) {
      let rows = try ImageTable(contentsOf: table).rows
      self.path = path
      classNames = []
      classCount = rows.reduce(0) { max($0, $1.label + 1) }
      files = rows.map(\.image)
      labels = rows.map(\.label)
      findings = []
      return
    }
    let (root, listing, chosen) = try ImageFolder.root(of: path)
    var (files, labels, empty): ([String], [Int], [String]) = ([], [], [])
    var (folders, hasSeveral): ([String], Bool) = ([], false)
    var leftOut = ClassFolder.LeftOut()
    leftOut.add(listing)
    for (label, name) in listing.folders.enumerated() {
      let content = try ClassFolder(root, name)
      files += content.images
      labels += Array(repeating: label, count: content.images.count)
      if content.images.isEmpty { empty.append(name) }
      leftOut.add(content.leftOut)
      folders += content.folders
      hasSeveral = hasSeveral || content.folders.count > 1
    }
    let areDeeper = hasSeveral && Set(folders).isDisjoint(with: listing.folders)
    try ImageFolder.check(leftOut.unnamed, root)
    guard !files.isEmpty else { throw ImageFolder.noImages(root, listing, leftOut) }
    let passedOver: [Finding?] = [
      chosen, areDeeper ? .deeperFolders(folders) : nil, empty.isEmpty ? nil : .emptyClasses(empty),
      listing.images.isEmpty ? nil : .strayImages(listing.images),
      leftOut.unreadImages.isEmpty ? nil : .unreadImages(leftOut.unreadImages),
      leftOut.systemFolders.isEmpty ? nil : .systemFolders(leftOut.systemFolders),
      leftOut.hidden.isEmpty ? nil : .hiddenEntries(leftOut.hidden),
      leftOut.others.isEmpty ? nil : .otherEntries(leftOut.others),
    ]
    findings = passedOver.compactMap { $0 }
    self.path = root
    classNames = listing.folders
    classCount = listing.folders.count
    self.files = files
    self.labels = labels
  }

  /// Checks that a folder of that name exists, without listing it.
  ///
  /// - Throws: `ImageError`.
  package static func checkExists(_ path: String) throws { try FolderListing.check(path) }

  /// Number of images.
  public var count: Int { files.count }

  /// The path of an image.
  public func path(at index: Int) -> String { path + "/" + files[index] }

  /// The path of an image, relative to `path`.
  public func relativePath(at index: Int) -> String { files[index] }

  /// The class of an image, 0 ..< `classCount`.
  public func label(at index: Int) -> Int { labels[index] }

  /// Names of folders beside `train` that hold no classes of it.
  private static let otherParts: Set = [
    "val", "valid", "validation", "test", "testing", "dev", "eval", "extra", "unlabeled",
  ]

  /// The folder of the class folders: `train`, or the folder itself.
  static func root(
    of path: String
  ) throws(ImageError) -> (path: String, listing: FolderListing, finding: Finding?) {
    let listing = try FolderListing(path)
    guard listing.folders.contains("train") else { return (path, listing, nil) }
    let training = try FolderListing(path + "/train")
    guard let first = training.folders.first else { return (path, listing, nil) }
    // A class of that name, such as the vehicle, whose images lie one folder deeper as others' do.
    if training.folders.count == 1 {
      let others = listing.folders.filter { $0 != "train" && !otherParts.contains($0.lowercased()) }
      if let other = others.first(where: { Folder.exists("\(path)/\($0)/\(first)") }) {
        return (path, listing, .classTrain(other: other, subfolder: first))
      }
    }
    return (path + "/train", training, .subfolder(path + "/train"))
  }

  static func check(_ unnamed: [String], _ root: String) throws(ImageError) {
    guard !unnamed.isEmpty else { return }
    let them =
      unnamed.count == 1
      ? "whose name is not UTF-8; rename it" : "whose names are not UTF-8; rename them"
    throw ImageError(
      "'\(root)' has \(Finding.listed(unnamed, "entry")) \(them), as the program convmv does for whole"
        + " folders")
  }

  private static func noImages(
    _ root: String, _ listing: FolderListing, _ leftOut: ClassFolder.LeftOut
  ) -> ImageError {
    let kinds = "files that end in \(FolderListing.endings.joined(separator: ", "))"
    let hidden =
      leftOut.hidden.isEmpty
      ? ""
      : "; left out are \(Finding.listed(leftOut.hidden, "entry")) whose names begin with a dot"
    guard listing.folders.isEmpty else {
      let unread = leftOut.unreadImages
      let others =
        unread.isEmpty
        ? "" : "; convert the \(Finding.listed(unread, "image")) of other kinds to PNG or JPEG"
      return ImageError(
        "no images in the class folders of '\(root)'; \(kinds) are taken\(others)\(hidden)")
    }
    guard listing.images.isEmpty else {
      return ImageError(
        "no class folders in '\(root)', but \(listing.images.count) images; put those of each class "
          + "into a folder, or add \(ImageTable.fileName)")
    }
    return ImageError(
      "no class folders in '\(root)'; expected are \(root)/<class>/<image>, \(kinds)\(hidden)")
  }
}

extension ImageFolder {
  /// How many images may be unreadable: 1 % of them, or 5 if that is at most a quarter.
  package var brokenImageLimit: Int { max(count / 100, min(5, count / 4)) }

  /// What to say when more images are unreadable.
  ///
  /// - Parameters:
  ///   - count: how many so far.
  ///   - reasons: why some of them cannot be read.
  /// - Returns: the message of an error.
  package func tooManyBroken(_ count: Int, reasons: some Collection<String>) -> String {
    let limit = brokenImageLimit
    let most = limit == self.count / 100 ? "1 %" : "\(limit)"
    let share = limit == 0 ? "some" : "more than \(most)"
    let examples = reasons.isEmpty ? "" : ", such as: \(reasons.joined(separator: "; "))"
    return
      "\(share) of the \(self.count) images in '\(path)' cannot be read; remove or replace them."
      + " \(count) so far\(examples)"
  }
}
