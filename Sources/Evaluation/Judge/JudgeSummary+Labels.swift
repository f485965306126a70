extension JudgeSummary {
  /// Classes of other images as numbers of this judge.
  ///
  /// - Parameters:
  ///   - labels: numbers of the images' classes; nil if they are unknown.
  ///   - names: what these numbers mean; nil if that is unknown.
  /// - Returns: nil if a class is unknown to the judge, or numbers may mean other classes. Numbers without names
  ///   on both sides are the judge's own if there are as many: by the names, else by the largest number.
  func labels(_ labels: [Int]?, named names: [String]?) -> [Int]? {
    guard let labels else { return nil }
    guard let names, !classNames.isEmpty else {
      let isAsMany =
        names.map { $0.count == classCount } ?? (labels.max() == classCount - 1)
      return isAsMany && labels.allSatisfy((0..<classCount).contains) ? labels : nil
    }
    let numbers = Dictionary(zip(classNames, 0...)) { first, _ in first }
    let own = names.map { numbers[$0] }
    let found = labels.compactMap { own.indices.contains($0) ? own[$0] : nil }
    return found.count == labels.count ? found : nil
  }
}
