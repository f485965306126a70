internal import Files
internal import Foundation
internal import Pipeline
internal import Yams

/// A YAML file of settings: one flat mapping of option names to values.
struct ConfigurationFile {
  private let path: String
  private let entries: [(key: String, line: Int, value: Node)]

  /// Reads a file.
  ///
  /// - Throws: `FileError`; `UsageError` with the line if the file is not a flat mapping.
  init(_ path: String) throws {
    self.path = path
    let text: String
    do {
      text = try TextFile.content(of: path)
    } catch let error as FileError where error.reason == .empty {
      throw UsageError("'\(path)' is empty; it must hold settings, such as `sampling_steps: 250`")
    } catch let error as FileError where error.reason == .notText {
      throw UsageError("'\(path)' is not a text file in UTF-8")
    }
    let root: Node?
    do {
      root = try Yams.compose(yaml: text)
    } catch let error as YamlError {
      throw UsageError("'\(path)'\(ConfigurationFile.brief(error, text))")
    }
    guard let root else {
      entries = []
      return
    }
    guard let mapping = root.mapping else {
      throw UsageError("'\(path)' must be a mapping of settings, such as `sampling_steps: 250`")
    }
    entries = try mapping.map { key, value in
      let line = key.mark?.line ?? 0
      guard let name = key.scalar?.string else {
        throw UsageError("'\(path)', line \(line): the name of a setting must be a word")
      }
      return (name, line, value)
    }
  }

  /// The settings as command-line arguments.
  ///
  /// - Parameters:
  ///   - table: the command's options.
  ///   - check: returns what is wrong with arguments; nil if nothing is.
  /// - Returns: the settings that have a value, in the order of the file.
  /// - Throws: `UsageError` that lists every unknown key, every key that stands twice and every wrong value
  ///   with its line.
  func settings(_ table: OptionTable, check: ([String]) -> String?) throws -> [Setting] {
    var rows: [Result<Setting, UsageError>] = []
    func add(_ fault: String) { rows.append(.failure(UsageError(fault))) }
    var first: [String: (key: String, line: Int)] = [:]
    for (key, line, value) in entries {
      let name = OptionTable.kebab(key)
      guard !table.recordKeys.contains(name) else { continue }
      guard name != "config", name != "from", let kind = table.kinds[name] else {
        add("line \(line): unknown key '\(key)'\(suggestion(key, table))")
        continue
      }
      if let before = first[name] {
        add(
          "lines \(before.line) and \(line): '\(before.key)' and '\(key)' are the same setting, which"
            + " stands twice")
        continue
      }
      first[name] = (key, line)
      guard let text = ConfigurationFile.text(of: value, kind) else {
        add("line \(line): '\(key)' must be a single value or a list of them")
        continue
      }
      guard !text.isEmpty else { continue }
      if case .optional = kind, Arguments.boolean(text) == "false" { continue }
      let value = spelled(text, kind)
      if let fault = table.fault(name, value) {
        add("line \(line): \(key): \(fault)")
      } else {
        rows.append(.success(Setting(name: name, key: key, line: line, value: value)))
      }
    }
    let settings = rows.compactMap { try? $0.get() }
    var found = Arguments.faults(of: settings.map(\.argument), check).makeIterator()
    try refuse(
      rows.compactMap { row in
        switch row {
        case .failure(let fault): fault.message
        case .success(let setting):
          found.next().flatMap(\.self).map { "line \(setting.line): \(setting.key): \($0)" }
        }
      })
    return settings
  }

  /// Checks that settings of the same meaning agree.
  ///
  /// - Parameter settings: those of the file that count.
  /// - Throws: `UsageError` that lists every contradiction with both lines.
  func checkAgreement(_ settings: [Setting]) throws {
    try refuse(
      SameOptions.contradictions(among: settings).map { one, other in
        let lines = [one.line, other.line].sorted()
        return
          "lines \(lines[0]) and \(lines[1]): '\(one.key)' and '\(other.key)' are the same setting,"
          + " with different values"
      })
  }

  private func refuse(_ faults: [String]) throws {
    guard faults.isEmpty else {
      throw UsageError(faults.map { "'\(path)', \($0)" }.joined(separator: "\n"))
    }
  }

  private func spelled(_ text: String, _ kind: OptionTable.Kind) -> String {
    switch kind {
    case .value, .classes: text
    case .integer: Int(text) == nil ? whole(text) ?? text : text
    case .boolean: Arguments.boolean(text) ?? text
    case .optional(let bare): Arguments.boolean(text) == "true" ? bare : text
    }
  }

  /// `1000` for `1000.0`; nil if the number is not whole.
  private func whole(_ text: String) -> String? {
    Double(text).flatMap { Int(exactly: $0) }.map(String.init)
  }

  private func suggestion(_ key: String, _ table: OptionTable) -> String {
    let keys = table.kinds.keys.map { $0.replacing("-", with: "_") }.sorted()
    let meant =
      OtherNames.option(OptionTable.kebab(key), in: table)?.replacing("-", with: "_")
      ?? Spelling.nearest(to: key, among: keys)
    return meant.map { "; did you mean '\($0)'?" } ?? ""
  }

  /// A scalar as text, a list as comma-separated text, null and Python's `None` as ""; nil for anything
  /// else.
  private static func text(of node: Node, _ kind: OptionTable.Kind) -> String? {
    switch node {
    case .scalar(let scalar):
      let isNull = node.null != nil || scalar.string == "None"
      return isNull && scalar.style == .plain ? "" : scalar.string
    case .sequence(let sequence):
      let texts = sequence.compactMap { $0.scalar?.string }
      guard texts.count == sequence.count else { return nil }
      if case .classes = kind { return ClassListArgument(texts).text }
      return texts.joined(separator: ",")
    case .mapping, .alias:
      return nil
    }
  }

  private static func brief(_ error: YamlError, _ text: String) -> String {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      " is not YAML: line \(mark.line): \(problem)"
    case .duplicatedKeysInMapping(let duplicates, let context):
      duplicates.map { key in
        let lines = lines(of: key, in: text)
        let place =
          lines.count > 1 ? "lines \(lines[0]) and \(lines[1])" : "line \(context.mark.line)"
        return ", \(place): '\(key)' stands twice"
      }.joined(separator: "; ")
    default: " is not YAML: \(error)"
    }
  }

  /// The lines that begin with a key.
  private static func lines(of key: String, in text: String) -> [Int] {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    return zip(1..., lines).compactMap { number, line in
      let name = line.prefix { $0 != ":" }
      guard name.endIndex < line.endIndex else { return nil }
      let marks = CharacterSet(charactersIn: "'\"").union(.whitespaces)
      return name.trimmingCharacters(in: marks) == key ? number : nil
    }
  }
}
