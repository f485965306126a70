internal import Files
internal import ArgumentParser
internal import Inference
internal import Pipeline
internal import Torch

/// `dit benchmark encode`
struct BenchmarkEncodeCommand: ParsableCommand, StoppedAtOnce {
  static let configuration = CommandConfiguration(
    commandName: "encode", abstract: "Time an AutoencoderKL turning images into latents.",
    discussion: AutoencoderBenchmarkOptions.discussion("encode"))

  @OptionGroup var options: AutoencoderBenchmarkOptions

  func run() throws { try options.run(.encoding) }
}

/// `dit benchmark decode`
struct BenchmarkDecodeCommand: ParsableCommand, StoppedAtOnce {
  static let configuration = CommandConfiguration(
    commandName: "decode", abstract: "Time an AutoencoderKL turning latents into images.",
    discussion: AutoencoderBenchmarkOptions.discussion("decode"))

  @OptionGroup var options: AutoencoderBenchmarkOptions

  func run() throws { try options.run(.decoding) }
}

/// What both have.
struct AutoencoderBenchmarkOptions: ParsableArguments {
  @Option(help: "Height and width of images in pixels, a multiple of 8.") var imageSize = 256
  @Option(help: "Images that are given together.") var batchSize = 1
  @Option(help: "Timed batches, after one that is not.") var steps = 3
  @Option(help: "graph lays out the autoencoder for the processor; eager runs it as written.")
  var mode = ExecutionMode.graph
  @Option(help: "auto, cpu, cuda or cuda:N.") var device = "auto"
  @Option(help: "Processor threads (default: one a core).") var threads: Int?
  @Option(help: "Print one JSON object.") var json = false

  static func discussion(_ command: String) -> String {
    """
    The shape is that of sd-vae-ft-mse. Prints seconds per batch (the median), the first batch, \
    which lays out the weights, and peak memory.

      dit benchmark \(command) --image-size 256 --batch-size 1 --json
    """
  }

  func validate() throws {
    try Bounds.checkImageSize(imageSize, multipleOf: 8)
    try Bounds.batchSizes.check(batchSize, "--batch-size")
    try Bounds.counts.check(steps, "--steps")
    try Bounds.threadCounts.check(threads, "--threads")
  }

  func run(_ work: AutoencoderBenchmark.Work) throws {
    ProcessMemory.prepare()
    try useThreads(threads)
    let device = try DeviceSelection.openDevice(device)
    let report = try AutoencoderBenchmark(
      work, imageSize: imageSize, batchSize: batchSize, batchCount: steps, mode: mode,
      device: device
    ).run()
    guard json else {
      print(
        """
        AutoencoderKL, \(imageSize) px, batch \(batchSize), \(mode.rawValue), \
        \(Amount.of(LibTorch.threadCount, "thread")) on \(device)
        batch \(report.secondsPerBatch) s (first \(report.firstBatchSeconds) s), peak memory \
        \(report.peakMemoryBytes >> 20) MiB
        """)
      return
    }
    let line = try JSON.line([
      "seconds_per_batch": report.secondsPerBatch,
      "first_batch_seconds": report.firstBatchSeconds,
      "peak_memory_bytes": report.peakMemoryBytes, "threads": LibTorch.threadCount,
      "image_size": imageSize, "batch_size": batchSize, "precision": "fp32", "mode": mode.rawValue,
      "device": device.description,
    ])
    print(line)
  }
}
