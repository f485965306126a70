internal import Files
internal import ArgumentParser
internal import Pipeline
internal import Torch

/// `dit doctor`
struct DoctorCommand: ParsableCommand, StoppedAtOnce {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Show what the program finds on this machine.",
    discussion: """
      Shows which libtorch is loaded, what the processor can do, the NVIDIA GPUs or why there are \
      none, which launcher started the program, and what each precision will do. With --check it \
      samples, decodes and trains with the built-in model on the device and compares the results with \
      the processor's. The exit code is 0 if the device can be used and all comparisons agree.

        dit doctor
        dit doctor --device cuda:1 --json
      """)

  @Option(help: "The device to examine: auto, cpu, cuda or cuda:N.")
  var device = "auto"
  @Option(help: "A library that adds devices to libtorch.", completion: .file()) var devicePlugin:
    String?
  @Option(help: "Compare the device's results with the processor's.") var check = false
  @Option(help: "Print one JSON object.") var json = false

  func run() throws {
    var diagnosis = try Diagnosis(device: device, plugin: devicePlugin)
    // At once: the comparisons take minutes, and may end the program.
    if !json { try StandardOutput.write(diagnosis.lines.joined(separator: "\n")) }
    if check, let device = diagnosis.device.flatMap({ Device($0) }) {
      diagnosis.checks = try DeviceCheck(device).run { outcome in
        if !json { try StandardOutput.write(outcome.line) }
      }
    }
    if json { try StandardOutput.write(JSON.report(diagnosis)) }
    let failed = (diagnosis.checks ?? []).filter { !$0.isPassed }
    guard failed.isEmpty else {
      throw PipelineError(
        .unusable,
        "\(failed.count) results of this device are too far from the processor's, or missing")
    }
    if let problem = diagnosis.deviceProblem { throw PipelineError(.unusable, problem) }
  }
}
