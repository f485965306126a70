internal import ArgumentParser
internal import Inference
internal import Models
internal import Pipeline
internal import Torch

/// `dit benchmark`
struct BenchmarkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "benchmark", abstract: "Time parts of the program with random weights.",
    subcommands: [
      BenchmarkSampleCommand.self, BenchmarkEncodeCommand.self, BenchmarkDecodeCommand.self,
      BenchmarkTrainCommand.self, BenchmarkDataCommand.self, BenchmarkFeaturesCommand.self,
      BenchmarkMetricsCommand.self,
    ])
}

/// `dit benchmark sample`
struct BenchmarkSampleCommand: ParsableCommand, StoppedAtOnce {
  static let configuration = CommandConfiguration(
    commandName: "sample", abstract: "Time sampling steps of a published size.",
    discussion: """
      Prints the median of seconds per step, the seconds of the first step and of preparation, and \
      peak memory.

        dit benchmark sample --model-name DiT-XL/2 --image-size 256 \\
          --batch-size 2 --steps 3 --json
      """)

  @Option(help: "A published size, DiT-XL/2 to DiT-S/8.") var modelName = DiTPreset.xl2
  @Option(help: "Parts of the blocks: of DiT, of LightningDiT, or those with QK-norm (modern).")
  var block = DiTBlockPreset.dit
  @Option(help: "Height and width of images in pixels, 8 times the latents'.") var imageSize = 256
  @Option(help: "The network's batch: 2 for one image with guidance.") var batchSize = 2
  @Option(help: "Timed steps, after one to warm up.") var steps = 3
  @OptionGroup(title: "Execution") var format: SamplingFormat
  @OptionGroup(title: "Execution") var execution: ExecutionOptions
  @OptionGroup var output: BenchmarkOutput

  func validate() throws {
    try Bounds.checkImageSize(imageSize, multipleOf: 8 * modelName.patchSize)
    try Bounds.batchSizes.check(batchSize, "--batch-size")
    // With the one to warm up, at most the 1000 timesteps that there are.
    try Bounds.from(1, to: 999).check(steps, "--steps")
  }

  func run() throws {
    ProcessMemory.prepare()
    try execution.apply()
    let device = try DeviceSelection.openDevice(execution.device, allowsTF32: execution.tf32)
    let precision = try DeviceSelection.settledPrecision(
      format.withSecondLayer(format.precision), in: execution.chosenMode, on: device)
    var config = modelName.config(inputSize: imageSize / 8)
    config.block = block.config
    MemoryWarning(device)?.line(
      sampling: config, precision, networkBatchSize: batchSize, stepCount: steps + 1
    ).map(note)
    let report = try SamplingBenchmark(
      config: config, networkBatchSize: batchSize, stepCount: steps, precision: precision,
      mode: execution.chosenMode, device: device
    ).run()
    let (times, memory) = (report.times, ProcessMemory.peakBytes)
    let deviceMemory = device.peakMemory()
    let deviceText = deviceMemory.map { ", on the device \($0 >> 20) MiB" } ?? ""
    try output.show(
      """
      \(modelName.rawValue)\(block == .dit ? "" : ", blocks \(block.rawValue)"), \
      \(imageSize) px, batch \(batchSize), \
      \(precision)\(precision.isEmulated ? ", emulated" : ""), \(execution.chosenMode.rawValue), \
      \(Amount.of(LibTorch.threadCount, "thread")) on \(device)
      step \(times.median) s (first \(times.first) s), prepared in \(report.prepareSeconds) s \
      (weights drawn in \(report.drawSeconds) s), peak memory \(memory >> 20) MiB\(deviceText)
      """,
      [
        "seconds_per_step": times.median, "first_step_seconds": times.first,
        "prepare_seconds": report.prepareSeconds, "draw_seconds": report.drawSeconds,
        "peak_memory_bytes": memory, "peak_device_memory_bytes": deviceMemory,
        "threads": LibTorch.threadCount, "model_name": modelName.rawValue,
        "block": block == .dit ? nil : block.rawValue, "image_size": imageSize,
        "batch_size": batchSize, "precision": precision.name, "int8_fc2": precision.secondLayerName,
        "int8_emulated": precision.isEmulated ? true : nil, "mode": execution.chosenMode.rawValue,
        "device": device.description, "graph": report.recording.note,
      ])
  }
}
