internal import ArgumentParser
internal import Inference
internal import Pipeline
internal import Torch

/// `dit benchmark features`
struct BenchmarkFeaturesCommand: ParsableCommand, StoppedAtOnce {
  static let configuration = CommandConfiguration(
    commandName: "features", abstract: "Time the network whose features FID compares.",
    discussion: """
      InceptionV3, from bytes to features, resizing included. Prints the median of seconds per batch, \
      the seconds of the first batch, images per second and peak memory.

        dit benchmark features --image-size 256 --batch-size 16 --json
      """)

  @Option(help: "Height and width of images in pixels.") var imageSize = 256
  @Option(help: "Images of a batch.") var batchSize = 16
  @Option(help: "Timed batches, after one to warm up.") var steps = 3
  @Option(help: "graph lays out the network for the processor; eager runs it as written.")
  var mode = ExecutionMode.graph
  @Option(help: "auto, cpu, cuda or cuda:N.") var device = "auto"
  @Option(help: "Processor threads (default: one a core).") var threads: Int?
  @OptionGroup var output: BenchmarkOutput

  func validate() throws {
    try Bounds.imageSizes.check(imageSize, "--image-size")
    try Bounds.batchSizes.check(batchSize, "--batch-size")
    try Bounds.counts.check(steps, "--steps")
    try Bounds.threadCounts.check(threads, "--threads")
  }

  func run() throws {
    ProcessMemory.prepare()
    try useThreads(threads)
    let device = try DeviceSelection.openDevice(device)
    let times = try FeaturesBenchmark(
      imageSize: imageSize, batchSize: batchSize, batchCount: steps, mode: mode, device: device
    ).run()
    let memory = ProcessMemory.peakBytes
    let imagesPerSecond = Double(batchSize) / times.median
    try output.show(
      """
      InceptionV3, \(imageSize) px, batch \(batchSize), \(mode.rawValue), \
      \(Amount.of(LibTorch.threadCount, "thread")) on \(device)
      batch \(times.median) s (first \(times.first) s), \(imagesPerSecond) images/s, \
      peak memory \(memory >> 20) MiB
      """,
      [
        "seconds_per_batch": times.median, "first_batch_seconds": times.first,
        "fastest_batch_seconds": times.fastest, "images_per_second": imagesPerSecond,
        "peak_memory_bytes": memory, "peak_device_memory_bytes": device.peakMemory(),
        "threads": LibTorch.threadCount, "image_size": imageSize, "batch_size": batchSize,
        "precision": "fp32", "mode": mode.rawValue, "device": device.description,
      ])
  }
}
