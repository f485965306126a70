internal import ArgumentParser
internal import Foundation

/// `dit cli-docs`: prints docs/CLI.md, the help of all commands.
struct ReferenceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cli-docs", abstract: "Print the help of all commands as Markdown.",
    shouldDisplay: false)

  /// Width of the help texts.
  private static let columnCount = 98

  func run() throws {
    let head = """
      # Commands and options

      The text of `--help` of every command. `make cli-docs` writes this file; do not edit it.

      - Each option is also a key of a YAML file (`-c FILE`), in snake_case. Flags win over the file.
      - A boolean option is `--x`, `--x true` or `--x false`. Spellings in snake_case are accepted.
      - Exit codes: 0 done; 64 a mistake in flags or YAML; 1 any other error; 130 and 143 after Ctrl-C \
      and SIGTERM.

      """
    try StandardOutput.write(head + Self.text(DiTCommand.self, named: "dit"))
  }

  /// The help of a command and of those below it.
  private static func text(_ command: any ParsableCommand.Type, named name: String) -> String {
    let help = DiTCommand.helpMessage(for: command, columns: columnCount)
    // libtorch's version is not the same on all machines.
    let lines = help.split(separator: "\n", omittingEmptySubsequences: false)
      .filter { !$0.hasPrefix("This is version") }
      .map { line in String(line.prefix(line.count - line.reversed().prefix { $0 == " " }.count)) }
    let text = lines.joined(separator: "\n").replacing("\n\n\n", with: "\n\n")
      .trimmingCharacters(in: .newlines)
    var result = "\n## \(name)\n\n```text\n\(text)\n```"
    for child in command.configuration.subcommands where child.configuration.shouldDisplay {
      result += "\n" + Self.text(child, named: "\(name) \(child.configuration.commandName ?? "")")
    }
    return result
  }
}
