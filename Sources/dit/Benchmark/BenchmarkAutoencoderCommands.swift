internal import ArgumentParser
internal import Inference
internal import Pipeline
internal import Torch

/// `dit benchmark encode`
struct BenchmarkEncodeCommand: ParsableCommand, StoppedAtOnce {
  static let configuration = CommandConfiguration(
    commandName: "encode", abstract: "Time an AutoencoderKL that encodes images.",
    discussion: AutoencoderBenchmarkOptions.discussion("encode"))

  @OptionGroup var options: AutoencoderBenchmarkOptions

  func run() throws { try options.run(.encoding) }
}

/// `dit benchmark decode`
struct BenchmarkDecodeCommand: ParsableCommand, StoppedAtOnce {
  static let configuration = CommandConfiguration(
    commandName: "decode", abstract: "Time an AutoencoderKL that decodes latents.",
    discussion: AutoencoderBenchmarkOptions.discussion("decode"))

  @OptionGroup var options: AutoencoderBenchmarkOptions

  func run() throws { try options.run(.decoding) }
}

/// The options of both.
struct AutoencoderBenchmarkOptions: ParsableArguments {
  @Option(help: "Height and width of images in pixels, a multiple of 8.") var imageSize = 256
  @Option(help: "Images of a batch.") var batchSize = 1
  @Option(help: "Timed batches, after one to warm up.") var steps = 3
  @Option(help: "graph lays out the autoencoder for the processor; eager runs it as written.")
  var mode = ExecutionMode.graph
  @Option(help: "auto, cpu, cuda or cuda:N.") var device = "auto"
  @Option(help: "Processor threads (default: one a core).") var threads: Int?
  @OptionGroup var output: BenchmarkOutput

  static func discussion(_ command: String) -> String {
    """
    The model has the shape of sd-vae-ft-mse. Prints the median of seconds per batch, the seconds of \
    the first batch, which lays out the weights, and peak memory.

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
    let times = try AutoencoderBenchmark(
      work: work, imageSize: imageSize, batchSize: batchSize, batchCount: steps, mode: mode,
      device: device
    ).run()
    let memory = ProcessMemory.peakBytes
    try output.show(
      """
      AutoencoderKL, \(imageSize) px, batch \(batchSize), \(mode.rawValue), \
      \(Amount.of(LibTorch.threadCount, "thread")) on \(device)
      batch \(times.median) s (first \(times.first) s), peak memory \(memory >> 20) MiB
      """,
      [
        "seconds_per_batch": times.median, "first_batch_seconds": times.first,
        "peak_memory_bytes": memory, "threads": LibTorch.threadCount, "image_size": imageSize,
        "batch_size": batchSize, "precision": "fp32", "mode": mode.rawValue,
        "device": device.description,
      ])
  }
}
