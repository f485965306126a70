internal import Checkpoint

/// How reference statistics were made. NumPy reads it as a record, `numpy.load(file)["dit"]`.
public struct ReferenceRecord: Sendable, Equatable {
  /// The name of the feature network.
  public let features: String
  /// The number of images of the means and covariances.
  public let imageCount: Int
  /// How images were brought to their size.
  public let resize: String

  static let arrayName = "dit"

  /// A record.
  public init(features: String, imageCount: Int, resize: String) {
    (self.features, self.imageCount, self.resize) = (features, imageCount, resize)
  }

  var array: NumPyArchive.Array {
    .init(
      ReferenceRecord.arrayName,
      record: [
        ("features", .text(features)), ("images", .number(imageCount)), ("resize", .text(resize)),
      ])
  }

  /// The record of a file; nil if it has none, or another.
  init?(of file: NumPyFile) throws {
    guard let array = try file.array(ReferenceRecord.arrayName), array.shape.isEmpty,
      array.fields.map(\.name) == ["features", "images", "resize"],
      array.fields.map(\.type.kind) == ["U", "i", "U"], array.fields[1].type.byteCount == 8,
      let size = array.elementByteCount, size < 1 << 16
    else { return nil }
    let bytes = try file.bytes(of: array)
    let ends = array.fields.reduce(into: [0]) {
      $0.append($0[$0.count - 1] + ($1.type.byteCount ?? 0))
    }
    let number = bytes[ends[1]..<ends[2]].withUnsafeBytes {
      Int64(littleEndian: $0.loadUnaligned(as: Int64.self))
    }
    guard let features = ReferenceRecord.text(bytes[..<ends[1]]),
      let resize = ReferenceRecord.text(bytes[ends[2]...]), number >= 0
    else { return nil }
    self.init(features: features, imageCount: Int(number), resize: resize)
  }

  /// A text of NumPy: characters of four bytes, with zeros after them.
  private static func text(_ bytes: ArraySlice<UInt8>) -> String? {
    var text = String.UnicodeScalarView()
    for start in stride(from: bytes.startIndex, to: bytes.endIndex, by: 4) {
      let number = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[start + $1]) << (8 * UInt32($1)) }
      guard number != 0 else { break }
      guard let scalar = Unicode.Scalar(number) else { return nil }
      text.append(scalar)
    }
    return String(text)
  }
}
