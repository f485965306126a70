internal import ArgumentParser
internal import Foundation
internal import Parallel
internal import Pipeline

/// The program.
struct DiTCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dit", abstract: "Class-conditional image generation with DiT.",
    discussion: """
      Images of the model that is built in:
        dit sample

      Options may also stand in a YAML file (-c FILE), in snake_case; flags win over the file.
      """,
    subcommands: [
      SampleCommand.self, TrainCommand.self, TrainAutoencoderCommand.self, EncodeCommand.self,
      ConvertCommand.self, InspectCommand.self, BenchmarkCommand.self, DoctorCommand.self,
    ])
}

@main enum Program {
  static func main() {
    do {
      let arguments = try normalized(Array(CommandLine.arguments.dropFirst()))
      var command = try DiTCommand.parseAsRoot(arguments)
      Interrupt.listen()
      try command.run()
    } catch let settled as SettledError {
      end(settled.cause)
    } catch {
      tellOthers(error)
      end(error)
    }
  }

  /// Tells other ranks, which wait for this process, why it does not come.
  private static func tellOthers(_ error: any Error) {
    guard DiTCommand.exitCode(for: error) != .success, !(error is LaunchError),
      let process = try? LaunchVariables(ProcessInfo.processInfo.environment).process()
    else { return }
    RankGroup.cancel(process, because: DiTCommand.message(for: error))
  }

  /// Brings arguments to the parser's form, configuration file included.
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
    let command = type
    let rest = try Arguments(OptionTable(command)).normalized(
      Array(arguments.dropFirst(path.count))
    ) { settings in
      do {
        _ = try command.parse(settings)
        return nil
      } catch {
        return command.message(for: error)
      }
    }
    return path + rest
  }

  /// Says what went wrong and ends the program with the code of its kind.
  private static func end(_ error: any Error) -> Never {
    switch error {
    case let interrupted as Interrupted:
      note("Stopped.")
      exit(interrupted.exitCode)
    case let usage as UsageError:
      note("Error: \(usage.message)")
      exit(EX_USAGE)
    case let error as PipelineError where error.code == .setting:
      note("Error: \(error.message)")
      exit(EX_USAGE)
    default:
      DiTCommand.exit(withError: error)
    }
  }
}
