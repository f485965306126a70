internal import Checkpoint
public import Torch

/// The images of an `.npz` file as the evaluation suite of Dhariwal & Nichol 2021 has them: `arr_0`, uint8
/// `[N, H, W, 3]`, stored or compressed, read in batches.
public final class ArchivedImages {
  /// The file.
  public let path: String
  /// The number of images.
  public let count: Int
  /// The height of an image in pixels.
  public let height: Int
  /// The width of an image in pixels.
  public let width: Int
  /// The class of each image, from `arr_1`, `[N]` of integers; nil if there are none.
  public let labels: [Int]?

  private let rows: NumPyRows

  /// The largest height and width: an image is in memory as a whole.
  private static let maximumSide = 8_192

  static let arrayName = "arr_0"
  static let labelsName = "arr_1"

  /// Opens a file.
  ///
  /// - Throws: `EvaluationError`: `noImages` if it has no such array; `CheckpointError` if it is no archive of
  ///   arrays or damaged; `FileError`.
  public convenience init(_ path: String) throws {
    let file = try NumPyFile(path)
    guard let array = try file.array(ArchivedImages.arrayName) else {
      throw EvaluationError(
        .noImages,
        "'\(path)' has no images: its array 'arr_0' is missing; \(try file.contents)")
    }
    try self.init(array, of: file)
  }

  init(_ array: NumPyArray, of file: NumPyFile) throws {
    func refuse(_ text: String) -> EvaluationError {
      EvaluationError(.noImages, "'\(file.path)': the array 'arr_0' is \(array.summary); \(text)")
    }
    guard array.type.dtype == .uint8 else {
      throw refuse("images are uint8, from 0 to 255")
    }
    guard array.shape.count == 4, array.shape[3] == 3 else {
      let isChannelsFirst = array.shape.count == 4 && array.shape[1] == 3
      throw refuse(
        "images are [N, H, W, 3]"
          + (isChannelsFirst ? "; transpose it by `transpose(0, 2, 3, 1)`" : ""))
    }
    guard array.shape.allSatisfy({ $0 > 0 }) else { throw refuse("there are no images in it") }
    guard array.shape[1...2].allSatisfy({ $0 <= ArchivedImages.maximumSide }) else {
      throw refuse("a side of an image has at most \(ArchivedImages.maximumSide) pixels")
    }
    path = file.path
    (count, height, width) = (array.shape[0], array.shape[1], array.shape[2])
    rows = try file.rows(of: array)
    labels = try ArchivedImages.labels(of: file, count: count)
  }

  /// Classes are a help, not a condition: an array of another kind is none.
  private static func labels(of file: NumPyFile, count: Int) throws -> [Int]? {
    guard let array = try file.array(labelsName), array.shape == [count],
      let dtype = array.type.dtype, !dtype.isFloatingPoint, dtype != .bool
    else { return nil }
    return try file.tensor(of: array).elements(Int.self)
  }

  /// Reads images. A compressed array is quick to read in rising order alone.
  ///
  /// - Parameter range: within 0..<`count`.
  /// - Returns: `[n, H, W, 3]`, uint8
  /// - Throws: `CheckpointError` if the array is damaged.
  public func images(_ range: Range<Int>) throws -> Tensor { try rows.read(range) }
}

extension NumPyFile {
  /// What the file has, for messages.
  var contents: String {
    get throws {
      let summaries = try names.prefix(8).map { name in
        "'\(name)' (\(try array(name)?.summary ?? "unknown"))"
      }
      let more = names.count > 8 ? " and \(names.count - 8) more" : ""
      return "it has \(summaries.joined(separator: ", "))\(more)"
    }
  }
}
