internal import Files
internal import Torch

extension ArchivedImages: EvaluatedImages {
  /// The file.
  public var name: String { path }
  /// The archive numbers its classes.
  public var classNames: [String]? { nil }
  /// The file by name, size and time of change.
  public var fingerprint: [String: String] {
    get throws { ["archive": try FileStamp.text(of: path)] }
  }

  /// Reads some of the images.
  public func images(_ range: Range<Int>, check: () throws -> Void) throws -> PixelBatch {
    try check()
    return PixelBatch(pixels: try images(range), leftOut: [])
  }
}
