/// How the classes of images are distributed: equal numbers of each give an FID about 0.1 lower than
/// classes drawn at random (Zheng et al. 2025, RAE).
public struct LabelBalance: Sendable, Equatable, CustomStringConvertible {
  /// Classes with images.
  public let classCount: Int
  /// Images of the rarest and of the most frequent of them.
  public let fewest, most: Int

  /// Counts labels; nil if there are none.
  public init?(_ labels: [Int]?) {
    guard let labels, !labels.isEmpty else { return nil }
    let counts = Dictionary(labels.map { ($0, 1) }, uniquingKeysWith: +).values
    classCount = counts.count
    fewest = counts.min() ?? 0
    most = counts.max() ?? 0
  }

  /// Whether the numbers of images of all classes differ by at most one.
  public var isEqual: Bool { most - fewest <= 1 }

  /// `equal, 50 of each of 1000 classes`.
  public var description: String {
    let numbers = fewest == most ? "\(most)" : "\(fewest) to \(most)"
    return "\(isEqual ? "equal" : "random"), \(numbers) of each of \(classCount) classes"
  }
}
