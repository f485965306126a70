/// A class of ImageNet by its WordNet synset. The 1,000 of ILSVRC 2012 (Russakovsky et al. 2015) are
/// published facts.
struct ImageNetSynset {
  /// The number in WordNet 3.0, which names the folder of the images: `n01440764`.
  let number: String
  /// All words, with commas between: `tench, Tinca tinca`.
  let words: String
  /// The name that the model's classes have here: `tench`.
  let name: String

  /// The 1,000 classes, by label.
  static let all: [ImageNetSynset] = zip(EmbeddedModel.imageNetSynsets, EmbeddedModel.imageNetNames)
    .map { line, name in
      let number = line.prefix { $0 != " " }
      return ImageNetSynset(
        number: String(number), words: String(line.dropFirst(number.count + 1)), name: name)
    }

  /// The classes of a model by its names: ImageNet's if all names are, or those of single names that are
  /// numbers in WordNet.
  ///
  /// - Returns: an entry for each name; nil for a class that is not known to be ImageNet's.
  static func of(_ names: [String]) -> [ImageNetSynset?] {
    if names.count == all.count,
      zip(names, all).allSatisfy({ [$1.name, $1.words, $1.number].contains($0) })
    {
      return all
    }
    guard names.contains(where: isNumber) else { return names.map { _ in nil } }
    let numbered = Dictionary(all.map { ($0.number, $0) }) { first, _ in first }
    return names.map { numbered[$0] }
  }

  private static func isNumber(_ name: String) -> Bool {
    name.utf8.count == 9 && name.hasPrefix("n") && name.dropFirst().allSatisfy(\.isWholeNumber)
  }
}
