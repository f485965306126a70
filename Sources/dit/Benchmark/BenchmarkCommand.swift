internal import Files
internal import ArgumentParser
internal import Inference
internal import Models
internal import Pipeline
internal import Torch

/// `dit benchmark`: times parts of the program with random weights.
struct BenchmarkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "benchmark", abstract: "Time parts of the program with random weights.",
    subcommands: [
      BenchmarkSampleCommand.self, BenchmarkEncodeCommand.self, BenchmarkDecodeCommand.self,
      BenchmarkTrainCommand.self, BenchmarkDataCommand.self,
    ])
}

/// `dit benchmark sample`
struct BenchmarkSampleCommand: ParsableCommand, StoppedAtOnce {
  static let configuration = CommandConfiguration(
    commandName: "sample", abstract: "Time denoising steps of a preset.",
    discussion: """
      Prints seconds per step (the median), the first step, preparation and peak memory.

        dit benchmark sample --model-name DiT-XL/2 --image-size 256 \\
          --batch-size 2 --steps 3 --json
      """)

  @Option(help: "A published size, DiT-XL/2 to DiT-S/8.") var modelName = DiTPreset.xl2
  @Option(help: "Height and width of images in pixels, 8 times the latents'.") var imageSize = 256
  @Option(help: "Rows of the network: 2 for one image with guidance.") var batchSize = 2
  @Option(help: "Timed steps, after one that is not.") var steps = 3
  @OptionGroup(title: "Execution") var format: SamplingFormat
  @OptionGroup(title: "Execution") var execution: ExecutionOptions
  @Option(help: "Print one JSON object.") var json = false

  func validate() throws {
    try Bounds.checkImageSize(imageSize, multipleOf: 8 * modelName.patchSize)
    try Bounds.batchSizes.check(batchSize, "--batch-size")
    // One more goes before them, and there are 1000 timesteps.
    try Bounds.from(1, to: 999).check(steps, "--steps")
  }

  func run() throws {
    ProcessMemory.prepare()
    try execution.apply()
    let device = try DeviceSelection.openDevice(execution.device, allowsTF32: execution.tf32)
    let precision = try DeviceSelection.settledPrecision(
      format.withSecondLayer(format.precision), in: execution.chosenMode, on: device)
    let config = modelName.config(inputSize: imageSize / 8)
    MemoryWarning(device)?.line(
      sampling: config, precision, networkBatchSize: batchSize, stepCount: steps + 1
    ).map(note)
    let report = try SamplingBenchmark(
      config: config, networkBatchSize: batchSize, stepCount: steps, precision: precision,
      mode: execution.chosenMode, device: device
    ).run()
    print(json ? try encoded(report, precision, device) : described(report, precision, device))
  }

  private func encoded(
    _ report: SamplingBenchmark.Report, _ precision: Precision, _ device: Device
  ) throws -> String {
    var values: [String: Any] = [
      "seconds_per_step": report.secondsPerStep, "first_step_seconds": report.firstStepSeconds,
      "prepare_seconds": report.prepareSeconds, "draw_seconds": report.drawSeconds,
      "peak_memory_bytes": report.peakMemoryBytes, "threads": report.threads,
      "model_name": modelName.rawValue, "image_size": imageSize, "batch_size": batchSize,
      "precision": precision.name, "mode": execution.chosenMode.rawValue,
      "device": device.description,
    ]
    values["int8_fc2"] = precision.secondLayerName
    if precision.isEmulated { values["int8_emulated"] = true }
    values["peak_device_memory_bytes"] = report.peakDeviceMemoryBytes
    values["graph"] = report.recording.note
    return try JSON.line(values)
  }

  private func described(
    _ report: SamplingBenchmark.Report, _ precision: Precision, _ device: Device
  ) -> String {
    """
    \(modelName.rawValue), \(imageSize) px, batch \(batchSize), \(precision)\(precision.isEmulated ? ", emulated" : ""), \
    \(execution.chosenMode.rawValue), \
    \(Amount.of(report.threads, "thread")) on \(device)
    step \(report.secondsPerStep) s (first \(report.firstStepSeconds) s), prepared in \
    \(report.prepareSeconds) s (weights drawn in \(report.drawSeconds) s), peak memory \(report.peakMemoryBytes >> 20) MiB
    """
      + (report.peakDeviceMemoryBytes.map { ", on the device \($0 >> 20) MiB" } ?? "")
  }
}
