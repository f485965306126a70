internal import ArgumentParser
internal import Foundation
internal import Parallel
internal import Pipeline
internal import Torch

/// The program.
struct DiTCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dit", abstract: "Class-conditional image generation with DiT.",
    discussion: """
      This is version \(Version.number), libtorch \(LibTorch.version).

      Draw images with the built-in model:
        dit sample

      Options can also be given in a YAML file (-c FILE), in snake_case; flags win over the file.
      """, version: Version.text,
    subcommands: [
      SampleCommand.self, GenerateCommand.self, TrainCommand.self, TrainAutoencoderCommand.self,
      EncodeCommand.self, EvaluateCommand.self, ServeCommand.self,
      ConvertCommand.self, InspectCommand.self, BenchmarkCommand.self, DoctorCommand.self,
      ReferenceCommand.self,
    ])

  /// Commands that several processes can run together.
  static let jointCommands: [any ParsableCommand.Type] = [
    SampleCommand.self, GenerateCommand.self, EvaluateCommand.self, TrainCommand.self,
    EncodeCommand.self,
  ]
}

@main enum Program {
  static func main() {
    StandardOutput.reserve()
    NoteHandler.bootstrap()
    do {
      try Arguments.checkEncoding()
      let arguments = try normalized(Array(CommandLine.arguments.dropFirst()))
      var command = try DiTCommand.parseAsRoot(arguments)
      if command is any StoppedAtOnce { Interrupt.unblock() } else { Interrupt.listen() }
      try command.run()
    } catch let settled as SettledError {
      exit(report(settled.cause))
    } catch {
      let code = report(error)
      tellOthers(error)
      exit(code)
    }
  }

  /// Tells ranks that wait for this process why it failed.
  private static func tellOthers(_ error: any Error) {
    let names = DiTCommand.jointCommands.map { $0.configuration.commandName }
    guard names.contains(CommandLine.arguments.dropFirst().first), !(error is LaunchError),
      let process = try? LaunchVariables(ProcessInfo.processInfo.environment).process(
        rankTable: Arguments.value(of: "rank-table", in: CommandLine.arguments))
    else { return }
    RankGroup.cancel(
      process, because: wording(of: error), while: { !Interrupt.isRequested })
  }

  /// The arguments in the parser's form, with the settings of the configuration file.
  private static func normalized(_ arguments: [String]) throws -> [String] {
    var path: [String] = []
    var type: any ParsableCommand.Type = DiTCommand.self
    for argument in arguments {
      guard
        let next = type.configuration.subcommands.first(where: {
          $0.configuration.commandName == argument
        })
      else { break }
      path.append(argument)
      type = next
    }
    try checkKnown(arguments.dropFirst(path.count).first, of: type)
    let command = type
    let rest = try Arguments(OptionTable(command)).normalized(
      Array(arguments.dropFirst(path.count)), of: command
    ) { command.fault(of: $0) }
    return path + rest
  }

  /// Refuses an unknown command.
  private static func checkKnown(
    _ word: String?, of command: any ParsableCommand.Type
  ) throws {
    let commands = command.configuration.subcommands.map { $0.configuration }
    let names = commands.compactMap { $0.shouldDisplay ? $0.commandName : nil }
    guard let word, !names.isEmpty, !word.hasPrefix("-"), word != "help" else { return }
    let meant = Spelling.nearest(to: word, among: names).map { "; did you mean '\($0)'?" }
    throw UsageError(
      "unknown command '\(word)'\(meant ?? "; there are \(names.joined(separator: ", "))")")
  }

  /// Prints the error, or the help that was asked for, and returns the exit code.
  private static func report(_ error: any Error) -> Int32 {
    switch error {
    case let interrupted as Interrupted:
      note("Stopped.")
      return interrupted.exitCode
    case let error as OutputError where error.isClosedPipe:
      // As if by the signal, which is ignored here.
      return 128 + SIGPIPE
    case let error as any ErrorWithRemedy:
      note("Error: \(error.wording)")
      return error.isUsage ? EX_USAGE : EXIT_FAILURE
    default:
      let code = DiTCommand.exitCode(for: error)
      if code == .success {
        let text = DiTCommand.fullMessage(for: error)
        guard !text.isEmpty else { return EXIT_SUCCESS }
        do { try StandardOutput.write(text) } catch { return report(error) }
        return EXIT_SUCCESS
      }
      note(DiTCommand.fullMessage(for: error))
      return code.rawValue
    }
  }
}
