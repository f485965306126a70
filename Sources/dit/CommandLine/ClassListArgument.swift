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
