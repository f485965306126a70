public import Torch

/// A set of images in a fixed order, any part of which can be made or read again.
public protocol EvaluatedImages {
  /// The file, the folder, or what makes the images.
  var name: String { get }
  /// Number of images.
  var count: Int { get }
  /// Height in pixels.
  var height: Int { get }
  /// Width in pixels.
  var width: Int { get }
  /// How images were brought to their size, for records.
  var resizing: String { get }
  /// Images whose features are made together: the same for any number of processes, so that figures do not
  /// depend on it.
  var batchSize: Int { get }
  /// What an image is called: its file, or its number.
  func name(of index: Int) -> String
  /// Whether some images can be had again at little cost.
  var areAtHand: Bool { get }
  /// The class of each image; nil if that is not known.
  var labels: [Int]? { get }
  /// The names of the classes that `labels` numbers, if they are known.
  var classNames: [String]? { get }
  /// All that decides the pixels, by name: a job that was stopped goes on if this is the same.
  var fingerprint: [String: String] { get throws }

  /// Some of the images.
  ///
  /// - Parameters:
  ///   - range: their numbers.
  ///   - check: called between pieces of long work; throws to stop.
  /// - Returns: the images, and which of them there are none of.
  /// - Throws: what reading or making them throws.
  func images(_ range: Range<Int>, check: () throws -> Void) throws -> PixelBatch
}

extension EvaluatedImages {
  /// They have it.
  public var resizing: String { "none" }
  /// They are in files.
  public var areAtHand: Bool { true }
  /// As many as keep a processor busy.
  public var batchSize: Int { 32 }
  /// `image 12`
  public func name(of index: Int) -> String { "image \(index)" }

  /// Checks how many images take no part: 1 % of them, or 5 if that is at most a quarter.
  ///
  /// - Throws: `EvaluationError` for more.
  func requireFew(_ leftOutCount: Int) throws {
    guard leftOutCount > max(count / 100, min(5, count / 4)) else { return }
    throw EvaluationError(
      .tooManyLeftOut, "\(leftOutCount) of the \(count) images of '\(name)' cannot be used")
  }
}

/// An image that takes no part.
public struct LeftOutImage: Codable, Sendable, Equatable {
  /// Its number in its set.
  public let index: Int
  /// Its file, or its class and seed.
  public let name: String
  /// Why.
  public let reason: String
}

/// Pixels of consecutive images.
public struct PixelBatch {
  /// `[n, H, W, 3]`, uint8; black where an image is left out.
  public let pixels: Tensor
  /// Images of the batch that take no part.
  public let leftOut: [LeftOutImage]
  /// Images that were smaller than their set's size.
  public let enlargedCount: Int

  init(pixels: Tensor, leftOut: [LeftOutImage], enlargedCount: Int = 0) {
    (self.pixels, self.leftOut, self.enlargedCount) = (pixels, leftOut, enlargedCount)
  }
}
