internal import Files

/// What samples are compared with.
public enum EvaluationReference {
  /// Statistics of the evaluation suite's kind, some images among them or not.
  case archive(ReferenceArchive)
  /// Images, whose features are made.
  case images(any EvaluatedImages)

  /// A reference at a path: the images of a folder, or an archive.
  ///
  /// - Parameters:
  ///   - path: the folder or file.
  ///   - imageSize: crops images of a folder to that size; nil if they have one size already.
  /// - Throws: what `FolderImages` and `ReferenceArchive` throw.
  public init(contentsOf path: String, imageSize: Int?) throws {
    self =
      Folder.exists(path)
      ? .images(try FolderImages(path, imageSize: imageSize))
      : .archive(try ReferenceArchive(path))
  }

  /// The images of a folder; nil for others.
  public var folder: FolderImages? {
    guard case .images(let images) = self else { return nil }
    return images as? FolderImages
  }

  /// The images whose features are made; nil if the archive has none.
  public var images: (any EvaluatedImages)? {
    switch self {
    case .archive(let archive): archive.images
    case .images(let images): images
    }
  }

  /// The file or folder.
  public var name: String {
    switch self {
    case .archive(let archive): archive.path
    case .images(let images): images.name
    }
  }
}
