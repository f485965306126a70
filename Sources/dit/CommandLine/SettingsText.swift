internal import ArgumentParser

/// The options of a parsed command as YAML, to repeat a run.
struct SettingsText {
  /// One line for each option that has a value.
  let yaml: String

  init(_ command: some ParsableArguments) {
    yaml = SettingsText.lines(of: command).joined(separator: "\n") + "\n"
  }

  /// The differences between two such texts, as "key: first -> second".
  static func changes(from first: String, to second: String) -> [String] {
    let (before, now) = (values(first), values(second))
    return Set(before.keys).union(now.keys).sorted().compactMap { key in
      let (old, new) = (before[key], now[key])
      return old == new ? nil : "\(key): \(old ?? "nothing") -> \(new ?? "nothing")"
    }
  }

  private static func values(_ yaml: String) -> [String: String] {
    let pairs = yaml.split(separator: "\n").compactMap { line -> (String, String)? in
      guard let colon = line.firstIndex(of: ":") else { return nil }
      let value = line[colon...].dropFirst().drop { $0 == " " }
      return (String(line[..<colon]), String(value))
    }
    return Dictionary(pairs) { $1 }
  }

  private static func lines(of arguments: any ParsableArguments) -> [String] {
    Mirror(reflecting: arguments).children.flatMap { child -> [String] in
      guard let label = child.label, label.hasPrefix("_") else { return [] }
      if let group = child.value as? any GroupValue { return lines(of: group.group) }
      guard let option = child.value as? any OptionValue, let value = option.text else { return [] }
      let key = OptionTable.kebab(String(label.dropFirst())).replacing("-", with: "_")
      return ["config", "resume", "force"].contains(key) ? [] : ["\(key): \(value)"]
    }
  }
}

/// A parsed option group, whatever its type.
private protocol GroupValue {
  var group: any ParsableArguments { get }
}

extension OptionGroup: GroupValue {
  fileprivate var group: any ParsableArguments { wrappedValue }
}

/// A parsed option, whatever its type.
private protocol OptionValue {
  /// The value as YAML; nil if there is none.
  var text: String? { get }
}

extension Option: OptionValue {
  fileprivate var text: String? { SettingsText.text(wrappedValue) }
}

extension SettingsText {
  fileprivate static func text(_ value: Any) -> String? {
    let mirror = Mirror(reflecting: value)
    if mirror.displayStyle == .optional {
      return mirror.children.first.flatMap { text($0.value) }
    }
    switch value {
    case let text as String:
      return "\"\(text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\""
    case let argument as any ExpressibleByArgument: return argument.defaultValueDescription
    default: return "\(value)"
    }
  }
}
