/// What samples are compared with.
public enum EvaluationReference {
  /// Statistics of the evaluation suite's kind, some images among them or not.
  case archive(ReferenceArchive)
  /// Images, whose features are made.
  case images(any EvaluatedImages)

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
