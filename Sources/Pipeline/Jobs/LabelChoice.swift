internal import Torch

/// How the images of a job get their classes.
public struct LabelChoice: Sendable, Equatable {
  /// The classes to choose from; nil or empty for all.
  public var classes: [Int]?
  /// Draws classes by the job's seed. Otherwise they are taken in turn, so that the numbers of their
  /// images differ by at most one.
  public var isDrawn: Bool

  /// A choice.
  public init(_ classes: [Int]? = nil, isDrawn: Bool) {
    self.classes = classes
    self.isDrawn = isDrawn
  }

  /// The class of each image.
  ///
  /// - Parameters:
  ///   - count: the number of images.
  ///   - classCount: the number of the model's classes.
  ///   - seed: of the job.
  /// - Returns: the classes, in the order of the images.
  /// - Throws: `TorchError` if there is no generator of random numbers.
  public func labels(count: Int, classCount: Int, seed: UInt64) throws -> [Int] {
    let classes = classes.flatMap { $0.isEmpty ? nil : $0 } ?? Array(0..<classCount)
    guard isDrawn else { return (0..<count).map { classes[$0 % classes.count] } }
    return Tensor.randint(0..<classes.count, [count], generator: try Generator(seed: seed))
      .elements(Int.self).map { classes[$0] }
  }
}

extension LabelChoice: CustomStringConvertible {
  /// `equal` or `random`, or the classes if they are taken in turn.
  public var description: String {
    let list = classes.map { $0.map(String.init).joined(separator: ",") }
    return isDrawn ? "random" + (list.map { " of \($0)" } ?? "") : list ?? "equal"
  }

  /// The list of classes in a description, nil for all, and whether they are drawn; nil for a text that is
  /// no description, or only a list.
  public static func parts(ofDescription text: String) -> (list: String?, isDrawn: Bool)? {
    switch text {
    case "equal": (nil, false)
    case "random": (nil, true)
    case _ where text.hasPrefix("random of "): (String(text.dropFirst("random of ".count)), true)
    default: nil
    }
  }
}
