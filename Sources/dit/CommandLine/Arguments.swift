internal import Foundation
internal import Pipeline

/// Command-line arguments brought to the form that the parser takes.
///
/// Accepted beyond it: snake_case spellings, booleans without a value, and a configuration file,
/// whose settings go before the flags so that flags win.
struct Arguments {
  private let table: OptionTable

  init(_ table: OptionTable) { self.table = table }

  /// The arguments of a command, without its name, in the parser's form.
  ///
  /// - Parameters:
  ///   - arguments: as the user gave them.
  ///   - check: says of arguments made from one setting of the file what is wrong with them; nil for
  ///     nothing.
  /// - Returns: the settings of the file, then the flags.
  /// - Throws: `UsageError` for a file that cannot be used.
  func normalized(_ arguments: [String], check: ([String]) -> String?) throws -> [String] {
    let flags = try spelled(arguments)
    guard let path = try configurationPath(flags.arguments) else { return flags.arguments }
    let replaced = flags.names.reduce(into: flags.unset) { $0.formUnion(table.replaced[$1] ?? []) }
    let settings = try ConfigurationFile(path).settings(table, check: check)
    return settings.filter { !replaced.contains($0.name) }.map(\.argument) + flags.arguments
  }

  /// Flags in the parser's form.
  private struct Flags {
    var arguments: [String] = []
    /// The long options among them.
    var names: Set<String> = []
    /// Those that say false, so that what the file says of them is to be forgotten.
    var unset: Set<String> = []

    /// Adds an option with its value.
    mutating func append(_ name: String, _ value: String) { arguments.append("--\(name)=\(value)") }

    /// Takes an option back.
    mutating func remove(_ name: String) {
      arguments.removeAll { $0.hasPrefix("--\(name)=") }
      unset.insert(name)
    }
  }

  /// The long options that are given, in kebab-case.
  static func names(in arguments: [String]) -> Set<String> {
    let flags = arguments.prefix { $0 != "--" }.filter { $0.hasPrefix("--") }
    return Set(flags.map { OptionTable.kebab(String($0.dropFirst(2).prefix { $0 != "=" })) })
  }

  /// What stands after an option, of arguments that may not be understood otherwise; nil for nothing.
  static func value(of name: String, in arguments: [String]) -> String? {
    let flag = "--\(name)"
    if let index = arguments.firstIndex(of: flag) { return arguments.dropFirst(index + 1).first }
    return arguments.first { $0.hasPrefix(flag + "=") }.map { String($0.dropFirst(flag.count + 1)) }
  }

  /// Long options in kebab-case, each with its value if it has one.
  ///
  /// - Throws: `UsageError` for a value of another kind, and a name that others have for an option.
  private func spelled(_ arguments: [String]) throws -> Flags {
    var result = Flags()
    var place = arguments.startIndex
    while place < arguments.endIndex {
      let argument = arguments[place]
      place += 1
      if argument == "--" {
        result.arguments += arguments[(place - 1)...]
        return result
      }
      guard argument.hasPrefix("--") else {
        result.arguments.append(argument)
        continue
      }
      let parts = argument.dropFirst(2).split(
        separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = OptionTable.kebab(String(parts.first ?? ""))
      let following = parts.count == 2 ? String(parts[1]) : nil
      let next = place < arguments.endIndex ? arguments[place] : nil
      result.names.insert(name)
      switch table.kinds[name] {
      case .boolean:
        if let following {
          if let fault = table.fault(name, following) { throw UsageError("--\(name) \(fault)") }
          result.append(name, Arguments.boolean(following) ?? following)
        } else if let value = next.flatMap(Arguments.boolean) {
          result.append(name, value)
          place += 1
        } else if !table.takesOperands, let next, !next.hasPrefix("-"),
          let fault = table.fault(name, next)
        {
          throw UsageError("--\(name) \(fault)")
        } else {
          result.append(name, "true")
        }
      case .optional(let bare):
        var value = following
        if value == nil, let next, !next.hasPrefix("-") {
          value = next
          place += 1
        }
        switch value.map({ Arguments.boolean($0) ?? $0 }) {
        case "true", nil: result.append(name, bare)
        case "false": result.remove(name)
        case let value?: result.append(name, value)
        }
      case .value, .integer:
        var value = following
        // Below 0 is a number too, not an option.
        if value == nil, let next, !next.hasPrefix("-") || Double(next) != nil {
          value = next
          place += 1
        }
        if let value {
          if let fault = table.fault(name, value) { throw UsageError("--\(name) \(fault)") }
          result.append(name, value)
        } else {
          result.arguments.append("--\(name)")
        }
      case nil:
        if let meant = OtherNames.option(name, in: table) {
          throw UsageError("unknown option '--\(name)'; did you mean '--\(meant)'?")
        }
        result.arguments.append(following.map { "--\(name)=\($0)" } ?? "--\(name)")
      }
    }
    return result
  }

  /// `true` or `false` for the spellings of YAML and Python; nil for anything else.
  static func boolean(_ text: String) -> String? {
    switch text.lowercased() {
    case "true", "yes", "on": "true"
    case "false", "no", "off": "false"
    default: nil
    }
  }

  private func configurationPath(_ arguments: [String]) throws -> String? {
    var path: String?
    for (place, argument) in arguments.enumerated() {
      var found: String?
      if argument == "-c" || argument == "--config" {
        guard place + 1 < arguments.count else { return nil }
        found = arguments[place + 1]
      } else if argument.hasPrefix("--config=") {
        found = String(argument.dropFirst("--config=".count))
      }
      guard let found else { continue }
      guard path == nil else { throw UsageError("more than one configuration file is given") }
      path = found
    }
    return path
  }
}

/// Something wrong in flags or in a configuration file.
struct UsageError: Error, CustomStringConvertible {
  let message: String
  init(_ message: String) { self.message = message }
  var description: String { message }
}
