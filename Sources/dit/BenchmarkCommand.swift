internal import ArgumentParser
internal import Foundation
internal import Inference
internal import Models
internal import Torch

/// `dit benchmark`: times parts of the program with random weights.
struct BenchmarkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "benchmark", abstract: "Time sampling steps with random weights.",
    subcommands: [BenchmarkSampleCommand.self])
}

/// `dit benchmark sample`
struct BenchmarkSampleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sample", abstract: "Time denoising steps of a preset.",
    discussion: """
      Prints seconds per step (the median), the first step, preparation and peak memory.

      dit benchmark sample --model-name DiT-XL/2 --image-size 256 --batch-size 2 --steps 3 --json
      """)

  @Option(help: "A preset, DiT-XL/2 to DiT-S/8.") var modelName = "DiT-XL/2"
  @Option(help: "Height and width of images in pixels, 8 times the latents'.") var imageSize = 256
  @Option(help: "Rows of the network: 2 for one image with guidance.") var batchSize = 2
  @Option(help: "Timed steps, after one that is not.") var steps = 3
  @Option(help: "fp32, bf16, fp16 or int8.", transform: choice) var precision = Precision.fp32
  @Option(help: "graph or eager.", transform: choice) var mode = ExecutionMode.graph
  @Option(help: "cpu, cuda or cuda:N.") var device = "cpu"
  @Option(help: "Processor threads; one a core if not given.") var threads: Int?
  @Flag(help: "Print one JSON object.") var json = false

  func run() throws {
    guard let preset = DiTPreset(rawValue: modelName) else {
      let known = DiTPreset.allCases.map(\.rawValue).joined(separator: ", ")
      throw ValidationError("model name '\(modelName)': known are \(known)")
    }
    guard let device = Device(device) else { throw ValidationError("device '\(device)'") }
    guard imageSize > 0, imageSize.isMultiple(of: 8 * preset.patchSize) else {
      throw ValidationError("image size \(imageSize): must be a multiple of 8 x the patch size")
    }
    guard batchSize > 0, steps > 0, steps < 1000 else {
      throw ValidationError("batch size and steps must be positive, steps below 1000")
    }
    if let threads { try LibTorch.setThreadCount(threads) }
    let report = try SamplingBenchmark(
      config: preset.config(inputSize: imageSize / 8), rowCount: batchSize, stepCount: steps,
      precision: precision, mode: mode, device: device
    ).run()
    print(json ? try encoded(report) : described(report))
  }

  private func encoded(_ report: SamplingBenchmark.Report) throws -> String {
    let fields: [String: Any] = [
      "seconds_per_step": report.secondsPerStep, "first_step_seconds": report.firstStepSeconds,
      "prepare_seconds": report.prepareSeconds, "peak_memory_bytes": report.peakMemoryBytes,
      "threads": report.threads, "precision": precision.rawValue, "mode": mode.rawValue,
      "device": device,
    ]
    let data = try JSONSerialization.data(
      withJSONObject: fields, options: [.sortedKeys, .withoutEscapingSlashes])
    return String(decoding: data, as: UTF8.self)
  }

  private func described(_ report: SamplingBenchmark.Report) -> String {
    """
    \(modelName), \(imageSize) px, batch \(batchSize), \(precision.rawValue), \(mode.rawValue), \
    \(report.threads) threads on \(device)
    step \(report.secondsPerStep) s (first \(report.firstStepSeconds) s), prepared in \
    \(report.prepareSeconds) s, peak memory \(report.peakMemoryBytes >> 20) MiB
    """
  }
}

/// Reads one of the cases of an enumeration by its name.
private func choice<Choice: RawRepresentable & CaseIterable>(_ text: String) throws -> Choice
where Choice.RawValue == String {
  guard let value = Choice(rawValue: text) else {
    let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
    throw ValidationError("'\(text)': known are \(known)")
  }
  return value
}
