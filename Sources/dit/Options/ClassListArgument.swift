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
  /// One line for each part of a list that can be read in two ways: a number that is the name of another
  /// class, and a name with commas whose parts are classes.
  func notes(on list: String) -> [String] {
    twoReadings(in: list).map(ClassNames.note)
      + namesakes(in: list).map { id, named in
        "class \(id) is called '\(name(of: id))'; for the class called '\(id)', number \(named), put the name"
          + " in quotation marks: --class-labels '\"\(id)\"'"
      }
  }

  private static func note(_ readings: TwoReadings) -> String {
    let split = readings.split.map(String.init).joined(separator: ",")
    return readings.isJoined
      ? "'\(readings.text)' is read as the name of class \(readings.joined); for the classes of its parts"
        + " give their numbers: --class-labels \(split)"
      : "'\(readings.text)' is read as the classes \(split); for the class of that name, number"
        + " \(readings.joined), put it in quotation marks: --class-labels '\(quoted(readings.text))'"
  }
}
