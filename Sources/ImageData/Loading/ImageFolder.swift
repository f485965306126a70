internal import Foundation

/// A data set of images with class labels, in one of two layouts.
///
/// - Class folders, as ImageNet has them: `class/image.jpg`. A folder `train` that holds such class
///   folders is used in place of the folder around it. Classes are numbered in the order of the
///   bytes of their names, and images follow each other by class, then by name.
/// - A table, `image_caption.csv`, beside the images: a head with the columns `image` and `class`,
///   then a line for each image, in the order of which they are numbered. Captions are not used.
///
/// Images end in jpeg, jpg, png or bmp, in small letters or capitals. Names that begin with a dot
/// are passed over. The folder is read once, when this is made; the images are not opened.
public struct ImageFolder: Sendable {
  /// The folder that holds the class folders or the table.
  public let path: String
  /// The names of the class folders, by label; empty for a table, whose labels have no names.
  public let classNames: [String]
  /// How many classes there are: the labels are below.
  public let classCount: Int
  /// What was passed over or looks odd, for the user to read.
  public let notes: [String]

  /// Classes without names are refused from this number on: a model has a row for each up to the
  /// largest.
  public static let unnamedClassLimit = 100_000

  /// Relative to `path`.
  private let files: [String]
  private let labels: [Int]

  /// Looks through a folder.
  ///
  /// - Throws: `ImageError` if there is no such folder or no image in it, or if the table has a
  ///   mistake.
  public init(_ path: String) throws {
    var notes: [String] = []
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
      self.notes = []
      return
    }
    let training = root + "/train"
    if FolderListing.isFolder(training), try !FolderListing(training).folders.isEmpty {
      root = training
      notes.append("took the class folders in '\(training)'")
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
    notes += ImageFolder.notes(empty: empty, strays: listing.images, others: others)
    self.path = root
    classNames = listing.folders
    classCount = listing.folders.count
    self.notes = notes
    self.files = files
    self.labels = labels
  }

  /// How many images there are.
  public var count: Int { files.count }

  /// The path of an image.
  public func path(at index: Int) -> String { path + "/" + files[index] }

  /// The path of an image, relative to `path`.
  public func relativePath(at index: Int) -> String { files[index] }

  /// The class of an image, from 0 and below `classCount`.
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

  private static func notes(empty: [String], strays: [String], others: [String]) -> [String] {
    var notes: [String] = []
    if !empty.isEmpty { notes.append("kept \(listed(empty, "class")) without images") }
    if !strays.isEmpty { notes.append("left out \(listed(strays, "image")) outside class folders") }
    if !others.isEmpty { notes.append("left out what is no image: \(listed(others, "entry"))") }
    return notes
  }

  /// "3 classes ('a', 'b', 'c')"; after three names only dots.
  private static func listed(_ names: [String], _ noun: String) -> String {
    let plurals = ["class": "classes", "image": "images", "entry": "entries"]
    let word = names.count == 1 ? noun : plurals[noun] ?? noun
    let shown = names.prefix(3).map { "'\($0)'" } + (names.count > 3 ? ["..."] : [])
    return "\(names.count) \(word) (\(shown.joined(separator: ", ")))"
  }
}
