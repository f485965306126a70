internal import Files
internal import ArgumentParser
internal import Foundation
internal import Pipeline

/// `dit doctor`
struct DoctorCommand: ParsableCommand, StoppedAtOnce {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Show what the program finds on this machine.",
    discussion: """
      The libtorch that is loaded, what the processor can do, NVIDIA GPUs or why there are none, the \
      launcher that started the program, and what each precision will do. With --check the built-in \
      model is run, decoded and trained on the device, and compared with the processor. The exit code \
      is 0 if the device can be used and all that was compared agrees.

        dit doctor
        dit doctor --device cuda:1 --json
      """)

  @Option(help: "auto, cpu, cuda or cuda:N: the one that precisions are shown for.")
  var device = "auto"
  @Option(help: "A library by which libtorch learns of other devices.") var devicePlugin: String?
  @Option(help: "Compare what the device computes with the processor.") var check = false
  @Option(help: "Print one JSON object.") var json = false

  func run() throws {
    let diagnosis = try Diagnosis(device: device, plugin: devicePlugin, checks: check)
    try show(diagnosis)
    let failed = (diagnosis.checks ?? []).filter { !$0.isPassed }
    guard failed.isEmpty else {
      throw PipelineError(
        .unusable, "\(failed.count) results of this device are too far from the processor's")
    }
    if let problem = diagnosis.deviceProblem { throw PipelineError(.unusable, problem) }
  }

  private func show(_ diagnosis: Diagnosis) throws {
    guard json else {
      print(diagnosis.lines.joined(separator: "\n"))
      return
    }
    print(try JSON.report(diagnosis))
  }
}
