internal import Checkpoint
internal import Files
internal import Foundation

/// The classes of a model, with their names if they are known.
public struct ClassNames: Sendable {
  /// The number of classes without the null class.
  public let count: Int
  /// Class i's name at i; nil if there are no names.
  public let names: [String]?
  /// Says that the checkpoint's names are not used, as they are of another number of classes; nil if that
  /// is not so.
  let unusedNote: String?
  /// The classes to draw by default: those that the checkpoint names, else those of the paper's figure for
  /// ImageNet, else the first 16.
  public private(set) var defaultLabels: [Int]

  /// Names from a file, else from the checkpoint's metadata (`class_names`, a JSON list), else
  /// ImageNet's if there are 1,000 classes.
  ///
  /// - Parameters:
  ///   - count: the number of classes of the model.
  ///   - metadata: the checkpoint's texts.
  ///   - path: a text file of names, line i for class i, counted from 0; nil for none. Empty lines at the
  ///     end do not count.
  ///   - examples: the classes to draw by default, as `labels(from:)` reads them; not used with a file of
  ///     names.
  /// - Throws: `PipelineError` if a line between is empty, the number of names is wrong, or an example is
  ///   no class; `FileError`.
  public init(
    count: Int, metadata: [String: String], path: String? = nil, examples: String? = nil
  ) throws {
    self.count = count
    if let path {
      let lines = try ClassNames.lines(of: path)
      guard lines.count == count else {
        throw PipelineError(
          .unusable, "'\(path)' has \(lines.count) names and the model \(count) classes")
      }
      (names, unusedNote) = (lines, nil)
    } else {
      let known = ClassNameList.decode(metadata)
      unusedNote =
        [0, count].contains(known.count)
        ? nil
        : "the checkpoint names \(known.count) classes, and the model has \(count): its names are not"
          + " used"
      names = known.count == count ? known : count == 1000 ? EmbeddedModel.imageNetNames : nil
    }
    defaultLabels =
      count == 1000 ? [207, 360, 387, 974, 88, 979, 417, 279] : Array(0..<min(count, 16))
    if path == nil, let examples { defaultLabels = try labels(from: examples) }
  }

  private static func lines(of path: String) throws -> [String] {
    var lines = try TextFile.content(of: path)
      .split(separator: "\n", omittingEmptySubsequences: false)
      .map { $0.trimmingCharacters(in: .whitespaces) }
    while lines.last == "" { lines.removeLast() }
    if let index = lines.firstIndex(of: "") {
      throw PipelineError(
        .unusable,
        "'\(path)', line \(index + 1) is empty: each line is the name of a class, and this one would be"
          + " class \(index)")
    }
    return lines
  }

  /// The name of a class; `class 7` if it has none.
  public func name(of id: Int) -> String { names.map { $0[id] } ?? "class \(id)" }

  /// Reads a list of numbers and names with commas between.
  ///
  /// A name may have commas itself; the longest name that fits counts. Each part of a name between commas
  /// is a name too, and so are ImageNet's synonyms and WordNet numbers for its classes. A name in
  /// quotation marks stands for itself, also if it is a number.
  ///
  /// - Throws: `PipelineError` for a number out of range, a name that is unknown or stands for several
  ///   classes, or an empty list.
  public func labels(from text: String) throws -> [Int] {
    let items = ClassLabelItems(text).items
    // Takes some milliseconds.
    let index = items.allSatisfy { $0.number != nil } ? nil : ClassNameIndex(names ?? [])
    return try readings(of: items, index).map(\.label)
  }

  /// The classes of a list, each with the items that it takes.
  private func readings(
    of items: [ClassLabelItems.Item], _ index: ClassNameIndex?
  ) throws -> [(label: Int, items: Range<Int>)] {
    var readings: [(label: Int, items: Range<Int>)] = []
    var place = 0
    while place < items.count {
      if let id = items[place].number {
        readings.append((try checked(id), place..<place + 1))
      } else if let index {
        let (label, used) = try label(at: place, of: items, index)
        readings.append((label, place..<place + used))
      }
      place = readings.last?.items.upperBound ?? items.count
    }
    return readings
  }

  /// Items of such a list that can be read in two ways: as the name of one class, and as several classes.
  public struct TwoReadings: Sendable, Equatable {
    /// The items, with commas between.
    public let text: String
    /// The class of that name.
    public let joined: Int
    /// The classes of the single items.
    public let split: [Int]
    /// Whether the list stands for the one class.
    public let isJoined: Bool

    /// Both readings.
    package init(text: String, joined: Int, split: [Int], isJoined: Bool) {
      self.text = text
      self.joined = joined
      self.split = split
      self.isJoined = isJoined
    }
  }

  /// Where such a list can be read in two ways.
  ///
  /// - Parameter text: the list.
  /// - Returns: in the order of the list; a list that cannot be read has none.
  public func twoReadings(in text: String) -> [TwoReadings] {
    let items = ClassLabelItems(text).items
    guard names != nil, items.count > 1 else { return [] }
    let index = ClassNameIndex(names ?? [])
    func name(_ range: Range<Int>) -> String {
      items[range].map(\.text).joined(separator: ", ")
    }
    func single(_ place: Int) -> Int? {
      items[place].number.flatMap { try? checked($0) }
        ?? index.labels(of: name(place..<place + 1)).first
    }
    return ((try? readings(of: items, index)) ?? []).compactMap { _, range in
      // A number comes before the name '1,2' that it may begin.
      let isJoined = range.count > 1
      let lower = range.lowerBound
      let longest =
        items[lower].number == nil ? range.count : min(items.count - lower, index.longestName)
      let runs = stride(from: longest, to: 1, by: -1).map { lower..<lower + $0 }
      guard let run = runs.first(where: { index.labels(of: name($0)).count == 1 }) else {
        return nil
      }
      let joined = index.labels(of: name(run))[0]
      let split = run.compactMap(single)
      guard split.count == run.count, !split.contains(joined) else { return nil }
      return TwoReadings(text: name(run), joined: joined, split: split, isJoined: isJoined)
    }
  }

  /// Numbers in such a list that are the names of other classes, with those classes.
  ///
  /// - Parameter text: the list.
  /// - Returns: for each, the class that it stands for, and the class of that name.
  public func namesakes(in text: String) -> [(id: Int, named: Int)] {
    let items = Set(ClassLabelItems(text).items.filter { $0.number != nil }.map(\.text))
    return items.sorted().compactMap { item in
      guard let id = Int(item), let named = names?.firstIndex(of: item), named != id else {
        return nil
      }
      return (id, named)
    }
  }

  /// A name as an item of such a list.
  package static func quoted(_ name: String) -> String { ClassLabelItems.quoted(name) }

  private func checked(_ id: Int) throws -> Int {
    guard (0..<count).contains(id) else {
      throw PipelineError(
        .setting, "class \(id) is out of range: the model has classes 0 to \(count - 1)")
    }
    return id
  }

  /// The class whose name begins at an index, and the number of items that the name takes.
  private func label(
    at place: Int, of items: [ClassLabelItems.Item], _ index: ClassNameIndex
  ) throws -> (Int, Int) {
    let longest = min(items.count - place, index.longestName)
    let runs = stride(from: longest, through: 1, by: -1).map { length in
      (items[place..<place + length].map(\.text).joined(separator: ", "), length)
    }
    for (name, length) in [items[place].quoted.map { ($0, 1) }].compactMap({ $0 }) + runs {
      let labels = index.labels(of: name)
      if labels.count == 1 { return (labels[0], length) }
      if labels.count > 1 { throw ambiguous(name, labels) }
    }
    throw unknown(items[place].quoted ?? items[place].text, index)
  }

  private func ambiguous(_ name: String, _ labels: [Int]) -> PipelineError {
    let list = labels.map(String.init).joined(separator: " and ")
    let own = labels.map(self.name)
    let names = Set(own).count > 1 ? " (\(own.joined(separator: "; ")))" : ""
    return PipelineError(
      .setting, "the name '\(name)' stands for the classes \(list)\(names); give the number")
  }

  private func unknown(_ name: String, _ index: ClassNameIndex) -> PipelineError {
    guard let names else {
      return PipelineError(
        .missingClassNames,
        "class '\(name)': the model has no class names, only numbers from 0 to \(count - 1)")
    }
    let nearest = Spelling.nearest(to: name, among: names + index.synonyms)
      .map { "; did you mean '\($0)'?" }
    let areMany = names.count > 20
    let shown = areMany ? "" : ": " + names.joined(separator: ", ")
    return PipelineError(
      areMany ? .unknownClass : .setting,
      "no class is called '\(name)'\(nearest ?? " among the \(names.count) names\(shown)")")
  }
}
