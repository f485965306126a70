internal import Foundation

/// A data set of images with class labels, in one of two layouts.
///
/// - Class folders, as in ImageNet: `class/image.jpg`. If the folder has a subfolder `train` of class
///   folders, that is used. Classes are numbered, and images ordered, by the bytes of their names.
/// - A table `image_caption.csv` next to the images, with the columns `image` and `class`. Images are
///   numbered by line; captions are ignored.
///
/// Images end in jpeg, jpg, png or bmp, in either case. Hidden files are skipped. The initializer
/// lists the folder once and opens no image.
public struct ImageFolder: Sendable {
  /// The folder that holds the class folders or the table.
  public let path: String
  /// The names of the class folders, by label; empty for a table.
  public let classNames: [String]
  /// Number of classes; labels are below it.
  public let classCount: Int
  /// What listing the folder skipped or chose.
  public let findings: [Finding]

  /// Something about a folder that its owner may not expect. The description is one line.
  public enum Finding: Sendable, Equatable {
    /// The class folders in this subfolder were taken.
    case subfolder(String)
    /// Classes without images, which keep their numbers.
    case emptyClasses([String])
    /// Images outside of class folders, which are left out.
    case strayImages([String])
    /// Files and folders that are not images, which are left out.
    case otherEntries([String])
  }

  /// Upper bound of a table's class numbers: the model gets a row for every number up to the
  /// largest.
  public static let unnamedClassLimit = 100_000

  /// Relative to `path`.
  private let files: [String]
  private let labels: [Int]

  /// Lists a folder.
  ///
  /// - Throws: `ImageError` if the folder is missing, has no image, or its table has a mistake.
  public init(_ path: String) throws {
    var findings: [Finding] = []
    var root = path
    try FolderListing.check(root)
    let table = root + "/" + ImageTable.fileName
    if FileManager.default.fileExists(atPath: table) {
      let rows = try ImageTable(contentsOf: table).rows
      self.path = root
      classNames = []
      classCount = rows.reduce(0) { max($0, $1.label + 1) }
      files = rows.map(\.image)
      labels = rows.map(\.label)
      self.findings = []
      return
    }
    let training = root + "/train"
    if FolderListing.isFolder(training), try !FolderListing(training).folders.isEmpty {
      root = training
      findings.append(.subfolder(training))
    }
    let listing = try FolderListing(root)
    var (files, labels): ([String], [Int]) = ([], [])
    var (empty, others): ([String], [String]) = ([], [])
    for (label, name) in listing.folders.enumerated() {
      let content = try FolderListing(root + "/" + name)
      files += content.images.map { name + "/" + $0 }
      labels += Array(repeating: label, count: content.images.count)
      if content.images.isEmpty { empty.append(name) }
      others += (content.folders + content.others).map { name + "/" + $0 }
    }
    guard !files.isEmpty else { throw ImageFolder.noImages(root, listing) }
    if !empty.isEmpty { findings.append(.emptyClasses(empty)) }
    if !listing.images.isEmpty { findings.append(.strayImages(listing.images)) }
    if !others.isEmpty { findings.append(.otherEntries(others)) }
    self.path = root
    classNames = listing.folders
    classCount = listing.folders.count
    self.findings = findings
    self.files = files
    self.labels = labels
  }

  /// Number of images.
  public var count: Int { files.count }

  /// The path of an image.
  public func path(at index: Int) -> String { path + "/" + files[index] }

  /// The path of an image, relative to `path`.
  public func relativePath(at index: Int) -> String { files[index] }

  /// The class of an image, 0 ..< `classCount`.
  public func label(at index: Int) -> Int { labels[index] }

  private static func noImages(_ root: String, _ listing: FolderListing) -> ImageError {
    let kinds = "files that end in \(FolderListing.endings.joined(separator: ", "))"
    guard listing.folders.isEmpty else {
      return ImageError("no images in the class folders of '\(root)'; \(kinds) are taken")
    }
    guard listing.images.isEmpty else {
      return ImageError(
        "no class folders in '\(root)', but \(listing.images.count) images; put those of each class "
          + "into a folder, or add \(ImageTable.fileName)")
    }
    return ImageError(
      "no class folders in '\(root)'; expected are \(root)/<class>/<image>, \(kinds)")
  }
}

extension ImageFolder.Finding: CustomStringConvertible {
  /// One line, such as "left out 2 images ('a.png', 'b.png') outside class folders".
  public var description: String {
    switch self {
    case .subfolder(let path): "took the class folders in '\(path)'"
    case .emptyClasses(let names): "kept \(Self.listed(names, "class")) without images"
    case .strayImages(let names):
      "left out \(Self.listed(names, "image")) outside class folders"
    case .otherEntries(let names): "left out what is no image: \(Self.listed(names, "entry"))"
    }
  }

  /// "3 classes ('a', 'b', 'c')"; at most three names.
  private static func listed(_ names: [String], _ noun: String) -> String {
    let plurals = ["class": "classes", "image": "images", "entry": "entries"]
    let word = names.count == 1 ? noun : plurals[noun] ?? noun
    let shown = names.prefix(3).map { "'\($0)'" } + (names.count > 3 ? ["..."] : [])
    return "\(names.count) \(word) (\(shown.joined(separator: ", ")))"
  }
}
