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
    let file: MappedFile
    do {
      file = try MappedFile(path)
    } catch let error as FileError where error.reason == .empty {
      throw UsageError("'\(path)' is empty; it must hold settings, such as `sampling_steps: 250`")
    }
    guard let text = String(validating: file.bytes, as: UTF8.self) else {
      throw UsageError("'\(path)' is not a text file in UTF-8")
    }
    let root: Node?
    do {
      root = try Yams.compose(yaml: text)
    } catch let error as YamlError {
      throw UsageError("'\(path)'\(ConfigurationFile.brief(error))")
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
  ///   - check: returns what is wrong with the arguments of one setting; nil if nothing is.
  /// - Returns: an argument for each setting that has a value, in the order of the file.
  /// - Throws: `UsageError` that lists every unknown key and wrong value with its line.
  func settings(
    _ table: OptionTable, check: ([String]) -> String?
  ) throws -> [(name: String, argument: String)] {
    var settings: [(name: String, argument: String)] = []
    var faults: [String] = []
    for (key, line, value) in entries {
      let name = OptionTable.kebab(key)
      guard !table.recordKeys.contains(name) else { continue }
      guard name != "config", let kind = table.kinds[name] else {
        faults.append("line \(line): unknown key '\(key)'\(suggestion(key, table))")
        continue
      }
      guard let text = ConfigurationFile.text(of: value) else {
        faults.append("line \(line): '\(key)' must be a single value or a list of them")
        continue
      }
      guard !text.isEmpty else { continue }
      if case .optional = kind, Arguments.boolean(text) == "false" { continue }
      let value = spelled(text, kind)
      let argument = "--\(name)=\(value)"
      if let fault = table.fault(name, value) ?? check([argument]) {
        faults.append("line \(line): \(key): \(fault)")
      } else {
        settings.append((name, argument))
      }
    }
    guard faults.isEmpty else {
      throw UsageError(faults.map { "'\(path)', \($0)" }.joined(separator: "\n"))
    }
    return settings
  }

  private func spelled(_ text: String, _ kind: OptionTable.Kind) -> String {
    switch kind {
    case .value: text
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
  private static func text(of node: Node) -> String? {
    switch node {
    case .scalar(let scalar):
      let isNull = node.null != nil || scalar.string == "None"
      return isNull && scalar.style == .plain ? "" : scalar.string
    case .sequence(let sequence):
      let texts = sequence.compactMap { $0.scalar?.string }
      return texts.count == sequence.count ? texts.joined(separator: ",") : nil
    case .mapping, .alias:
      return nil
    }
  }

  private static func brief(_ error: YamlError) -> String {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      " is not YAML: line \(mark.line): \(problem)"
    case .duplicatedKeysInMapping(let duplicates, let context):
      ", line \(context.mark.line): \(duplicates.joined(separator: ", ")) is given twice"
    default: " is not YAML: \(error)"
    }
  }
}
