extension JudgeSummary {
  /// Classes of other images as numbers of this judge.
  ///
  /// - Parameters:
  ///   - labels: numbers of the images' classes; nil if they are unknown.
  ///   - names: what these numbers mean; nil if they are the judge's own.
  /// - Returns: nil if a class is unknown to the judge.
  func labels(_ labels: [Int]?, named names: [String]?) -> [Int]? {
    guard let labels else { return nil }
    guard let names, !classNames.isEmpty else {
      return labels.allSatisfy { $0 < classCount } ? labels : nil
    }
    let numbers = Dictionary(zip(classNames, 0...)) { first, _ in first }
    let own = names.map { numbers[$0] }
    let found = labels.compactMap { own.indices.contains($0) ? own[$0] : nil }
    return found.count == labels.count ? found : nil
  }
}
