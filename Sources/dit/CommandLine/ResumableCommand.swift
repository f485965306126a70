internal import ArgumentParser
internal import Files

/// A command that keeps its options in the folder of a run, to resume it.
protocol ResumableCommand: ParsableCommand {
  /// The configuration file that was given, or found in the run's folder.
  var config: String? { get }

  /// The folder of the run that options ask to resume.
  ///
  /// - Parameter values: the values of the options, in kebab-case.
  /// - Returns: nil if they name none.
  static func runFolder(_ values: [String: String]) -> String?

  /// Options that follow from the folder of the resumed run, in kebab-case; not those that are given.
  ///
  /// - Parameters:
  ///   - folder: of the run.
  ///   - values: the values of the options that are given.
  /// - Returns: names and values.
  static func options(of folder: String, _ values: [String: String]) -> [(String, String)]
}

extension ResumableCommand {
  /// The name of the file with the options.
  static var settingsName: String { "config.yaml" }

  /// The file of options of the resumed run; nil for a new run, and if the file is missing.
  static func settingsOfRun(_ values: [String: String]) -> String? {
    guard let resume = values["resume"], resume != "false" else { return nil }
    let path = runFolder(values).map { Folder.withoutTrailingSlashes($0) + "/" + settingsName }
    return path.flatMap { Folder.hasFile($0) ? $0 : nil }
  }

  /// The options that follow from the resumed run's folder; empty for a new run.
  static func optionsOfRun(_ values: [String: String]) -> [(String, String)] {
    runFolder(values).map { options(of: Folder.withoutTrailingSlashes($0), values) } ?? []
  }

  /// A line about the file that was found.
  func settingsNotes(_ arguments: [String]) -> [String] {
    let names = Arguments.names(in: arguments)
    guard let config, !names.contains("config"), !arguments.contains("-c") else { return [] }
    return ["options that are not given are those of '\(config)'"]
  }
}
