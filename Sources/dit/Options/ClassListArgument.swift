internal import ArgumentParser
internal import Pipeline

/// Classes by number or name, with commas between.
struct ClassListArgument: ExpressibleByArgument {
  /// The list, as `ClassNames.labels(from:)` reads it.
  let text: String

  init(argument: String) { text = argument }

  /// The items of a list in a configuration file. Names with commas stay as they are, for they may be
  /// several.
  init(_ items: [String]) {
    text = items.map { item in
      Int(item) != nil || item.contains(",") ? item : ClassNames.quoted(item)
    }.joined(separator: ",")
  }

  var defaultValueDescription: String { text }
}

extension ClassNames {
  /// One line for each number in a list that is the name of another class.
  func notes(on list: String) -> [String] {
    namesakes(in: list).map { id, named in
      "class \(id) is called '\(name(of: id))'; for the class called '\(id)', number \(named), put the name"
        + " in quotation marks: --class-labels '\"\(id)\"'"
    }
  }
}
