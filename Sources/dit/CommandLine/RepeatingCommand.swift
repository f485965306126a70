internal import ArgumentParser

/// A command that can take its settings from a file that a run wrote.
protocol RepeatingCommand: ParsableCommand {
  /// The settings of the file.
  ///
  /// - Parameter values: the values of the options, in kebab-case.
  /// - Returns: nil if they name no such file.
  /// - Throws: if it cannot be read.
  static func recordedOptions(_ values: [String: String]) throws -> RecordedOptions?
}

/// Settings in a file that a run wrote.
struct RecordedOptions {
  /// The option that names the file, in kebab-case.
  let option: String
  /// The file.
  let path: String
  /// The settings, with the keys of configuration files.
  let options: [(key: String, value: String)]

  /// The settings as command-line arguments.
  ///
  /// - Parameters:
  ///   - table: the command's options.
  ///   - given: options in kebab-case that are left out.
  ///   - check: returns what is wrong with arguments; nil if nothing is.
  /// - Returns: the arguments.
  /// - Throws: `RecordedOptionsError` that lists every wrong value.
  func arguments(
    _ table: OptionTable, without given: Set<String>, check: ([String]) -> String?
  ) throws -> [String] {
    let settings = options.map { (name: OptionTable.kebab($0.key), key: $0.key, value: $0.value) }
      .filter { !given.contains($0.name) }
    let arguments = settings.map { "--\($0.name)=\($0.value)" }
    let faults = zip(settings, Arguments.faults(of: arguments, check)).compactMap {
      setting, fault in
      (table.fault(setting.name, setting.value) ?? fault).map { "\(setting.key): \($0)" }
    }
    guard faults.isEmpty else {
      throw RecordedOptionsError(
        message: "'\(path)' has settings that cannot be used: \(faults.joined(separator: "; "))")
    }
    return arguments
  }
}

/// Settings of a file that a run wrote cannot be used.
struct RecordedOptionsError: ErrorWithRemedy {
  let message: String
  var remedy: String? { nil }
}
