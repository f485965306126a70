internal import ArgumentParser
internal import Files
internal import Foundation
internal import Pipeline

extension ParsableCommand {
  /// What is wrong with arguments of the command; nil if nothing is.
  static func fault(of arguments: [String]) -> String? {
    do {
      _ = try parse(arguments)
      return nil
    } catch {
      return message(for: error)
    }
  }
}

/// Translates a command's arguments to the form that ArgumentParser takes.
///
/// Accepts in addition: snake_case spellings, booleans without a value, and a configuration file. The
/// file's settings go before the flags, so that flags win.
struct Arguments {
  private let table: OptionTable

  init(_ table: OptionTable) { self.table = table }

  /// The arguments in the parser's form, with the settings of a file.
  ///
  /// - Parameters:
  ///   - arguments: the command's arguments as typed, without its name.
  ///   - command: may find settings in the folder of the run that it resumes, or in a file that a run
  ///     wrote.
  ///   - check: returns what is wrong with arguments made from settings of the file; nil if nothing is.
  /// - Returns: the settings of the file, then the flags.
  /// - Throws: `UsageError` for a wrong value or a file that cannot be used.
  func normalized(
    _ arguments: [String], of command: (any ParsableCommand.Type)? = nil,
    check: ([String]) -> String?
  ) throws -> [String] {
    var flags = try flags(arguments)
    let given = try configurationPath(flags.arguments)
    if let recorded = try (command as? any RepeatingCommand.Type)?.recordedOptions(flags.values) {
      guard given == nil else {
        throw UsageError("-c and --\(recorded.option) both give all settings; give one of them")
      }
      let replaced = flags.names.reduce(into: flags.names) {
        $0.formUnion(table.replaced[$1] ?? [])
      }
      return try recorded.arguments(table, without: replaced, check: check) + flags.arguments
    }
    let resumable = command as? any ResumableCommand.Type
    guard let path = given ?? resumable?.settingsOfRun(flags.values) else { return flags.arguments }
    if given == nil {
      flags.append("config", path)
      for (name, value) in resumable?.optionsOfRun(flags.values) ?? [] { flags.append(name, value) }
    }
    let replaced = flags.names.reduce(into: flags.unset.union(foreign(path, flags.names))) {
      $0.formUnion(table.replaced[$1] ?? [])
    }
    let file = try ConfigurationFile(path)
    let settings = try file.settings(table, check: check).filter { !replaced.contains($0.name) }
    try file.checkAgreement(settings.filter { !flags.names.contains($0.name) })
    return settings.map(\.argument) + flags.arguments
  }

  /// What is wrong with each of some arguments.
  ///
  /// They are checked together, which is quicker, and one by one only if anything is wrong.
  ///
  /// - Parameters:
  ///   - arguments: each by itself.
  ///   - check: returns what is wrong with some; nil if nothing is.
  /// - Returns: a fault or nil for each.
  static func faults(of arguments: [String], _ check: ([String]) -> String?) -> [String?] {
    arguments.isEmpty || check(arguments) == nil
      ? arguments.map { _ in nil } : arguments.map { check([$0]) }
  }

  /// The settings of another command's record, for which those of the file are dropped.
  private func foreign(_ path: String, _ given: Set<String>) -> Set<String> {
    table.recorded.map { RecordOrigin.foreignSettings(in: path, for: $0.origin(given: given)) }
      ?? []
  }

  /// Flags in the parser's form.
  private struct Flags {
    /// Whether help is asked for, with which unknown options are no error.
    let asksForHelp: Bool
    var arguments: [String] = []
    /// Long options among them.
    var names: Set<String> = []
    /// Options given as false, for which the file's setting is dropped.
    var unset: Set<String> = []

    /// The values of options, in kebab-case.
    var values: [String: String] {
      let pairs = arguments.compactMap { argument -> (String, String)? in
        guard argument.hasPrefix("--"), let sign = argument.firstIndex(of: "=") else { return nil }
        return (String(argument[..<sign].dropFirst(2)), String(argument[sign...].dropFirst()))
      }
      return Dictionary(pairs) { $1 }
    }

    mutating func append(_ name: String, _ value: String) { arguments.append("--\(name)=\(value)") }

    /// Removes the option, from the file too.
    mutating func remove(_ name: String) {
      arguments.removeAll { $0.hasPrefix("--\(name)=") }
      unset.insert(name)
    }
  }

  /// Checks that the program's arguments are UTF-8: other bytes would reach it as another path.
  ///
  /// - Throws: `UsageError` that shows the argument.
  static func checkEncoding() throws {
    for index in 1..<max(Int(CommandLine.argc), 1) {
      guard let argument = CommandLine.unsafeArgv[index] else { continue }
      let bytes = UnsafeRawBufferPointer(start: argument, count: strlen(argument))
      guard String(validating: bytes, as: UTF8.self) == nil else { continue }
      throw UsageError(
        "the argument '\(FolderEntry.shown(bytes))' is not UTF-8; rename the file or folder, or work in it"
          + " and give a relative path")
    }
  }

  /// The long options in `arguments`, in kebab-case.
  static func names(in arguments: [String]) -> Set<String> {
    let flags = arguments.prefix { $0 != "--" }.filter { $0.hasPrefix("--") }
    return Set(flags.map { OptionTable.kebab(String($0.dropFirst(2).prefix { $0 != "=" })) })
  }

  /// The value of a long option, for arguments that could not be parsed; nil if it is missing.
  static func value(of name: String, in arguments: [String]) -> String? {
    let flag = "--\(name)"
    if let index = arguments.firstIndex(of: flag) { return arguments.dropFirst(index + 1).first }
    return arguments.first { $0.hasPrefix(flag + "=") }.map { String($0.dropFirst(flag.count + 1)) }
  }

  /// Long options in kebab-case, each joined with its value if it has one.
  ///
  /// - Throws: `UsageError` for a wrong value, and for another program's name of an option.
  private func flags(_ arguments: [String]) throws -> Flags {
    var result = Flags(asksForHelp: !Arguments.helpFlags.isDisjoint(with: arguments))
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      if argument == "--" {
        result.arguments += [argument] + rest
        break
      }
      guard argument.hasPrefix("--") else {
        if !result.asksForHelp { try checkShort(argument) }
        result.arguments.append(argument)
        continue
      }
      let parts = argument.dropFirst(2).split(
        separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = OptionTable.kebab(String(parts.first ?? ""))
      result.names.insert(name)
      let joined = parts.count == 2 ? String(parts[1]) : nil
      try append(name, joined, &rest, to: &result)
    }
    return result
  }

  /// Appends an option, with `joined`, the text after its equals sign, or the first word of `rest` as its
  /// value.
  private func append(
    _ name: String, _ joined: String?, _ rest: inout ArraySlice<String>, to flags: inout Flags
  ) throws {
    let next = joined == nil ? rest.first : nil
    switch table.kinds[name] {
    case .boolean:
      if let joined {
        try check(name, joined)
        flags.append(name, Arguments.boolean(joined) ?? joined)
      } else if let value = next.flatMap(Arguments.boolean) {
        rest.removeFirst()
        flags.append(name, value)
      } else {
        if !table.takesOperands, let next, !next.hasPrefix("-") { try check(name, next) }
        flags.append(name, "true")
      }
    case .optional(let bare):
      let value = joined ?? next.flatMap { $0.hasPrefix("-") ? nil : $0 }
      if joined == nil, value != nil { rest.removeFirst() }
      switch value.map({ Arguments.boolean($0) ?? $0 }) {
      case "true", nil: flags.append(name, bare)
      case "false": flags.remove(name)
      case let value?: flags.append(name, value)
      }
    case .value, .integer, .classes:
      // A negative number is a value, not an option, also in a list.
      let value = joined ?? next.flatMap { $0.hasPrefix("-") && !Self.isNumeric($0) ? nil : $0 }
      guard let value else { return flags.arguments.append("--\(name)") }
      if joined == nil { rest.removeFirst() }
      try check(name, value)
      flags.append(name, value)
    case nil:
      guard Arguments.parserFlags.contains(name) || flags.asksForHelp else {
        let meant =
          OtherNames.option(name, in: table)
          ?? Spelling.nearest(to: name, among: table.kinds.keys.sorted())
        throw Arguments.unknown("--\(name)", meant: meant.map { "--\($0)" })
      }
      flags.arguments.append(joined.map { "--\(name)=\($0)" } ?? "--\(name)")
    }
  }

  /// Checks an option of one dash; other words, and negative numbers, are operands.
  private func checkShort(_ argument: String) throws {
    guard argument.hasPrefix("-"), argument != "-", Double(argument) == nil else { return }
    let name = argument.prefix { $0 != "=" }
    let word = OptionTable.kebab(String(name.dropFirst()))
    let known = Arguments.shortNames[word].map { table.kinds[$0] != nil } ?? false
    guard !known else { return }
    throw Arguments.unknown(
      String(name), meant: table.kinds[word] == nil ? nil : "--\(word)")
  }

  /// The options that have a short name too.
  private static let shortNames = ["c": "config", "s": "source", "t": "target"]

  private static func unknown(_ option: String, meant: String?) -> UsageError {
    UsageError(
      "unknown option '\(option)'; "
        + (meant.map { "did you mean '\($0)'?" } ?? "--help lists those of the command"))
  }

  private static let helpFlags: Set = ["--help", "-h", "--help-hidden"]

  /// Long options of the parser itself, for every command.
  private static let parserFlags: Set = [
    "help", "help-hidden", "version", "generate-completion-script", "experimental-dump-help",
  ]

  private func check(_ name: String, _ value: String) throws {
    if let fault = table.fault(name, value) { throw UsageError("--\(name) \(fault)") }
  }

  /// Whether a text begins with a number, which a comma may follow.
  private static func isNumeric(_ text: String) -> Bool {
    text.split(separator: ",", maxSplits: 1).first.flatMap { Double($0) } != nil
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
    for (index, argument) in arguments.enumerated() {
      var found: String?
      if argument == "-c" || argument == "--config" {
        guard index + 1 < arguments.count else { return nil }
        found = arguments[index + 1]
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

/// A mistake in flags or in a configuration file.
struct UsageError: Error, CustomStringConvertible {
  let message: String
  init(_ message: String) { self.message = message }
  var description: String { message }
}
