internal import ArgumentParser

/// The program.
@main struct DiTCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dit", abstract: "Class-conditional image generation with DiT.",
    subcommands: [BenchmarkCommand.self])
}
