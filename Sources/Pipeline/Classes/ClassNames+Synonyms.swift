extension ClassNames {
  /// What stands for each class and no other, besides its number: its name, the parts of a name with commas,
  /// and, of ImageNet's classes, the words of WordNet and the number there.
  public var spellings: [[String]] {
    guard let names else { return Array(repeating: [], count: count) }
    let index = ClassNameIndex(names)
    return zip(names, ClassNameIndex.synonyms(of: names)).enumerated().map { label, texts in
      var seen: Set<String> = []
      // A number stands for the class of that number.
      return ([texts.0] + texts.1).filter {
        Int($0) == nil && index.labels(of: $0) == [label] && seen.insert($0).inserted
      }
    }
  }
}
