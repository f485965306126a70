internal import ArgumentParser
internal import Inference
internal import Models
internal import Pipeline
internal import Torch
internal import Training

/// `dit benchmark train`
struct BenchmarkTrainCommand: ParsableCommand, StoppedAtOnce {
  static let configuration = CommandConfiguration(
    commandName: "train", abstract: "Time training steps of a published size.",
    discussion: """
      Forward pass, backward pass, AdamW and EMA on random latents. Prints the median of seconds per \
      step, images per second and peak memory.

        dit benchmark train --model-name DiT-B/4 --image-size 256 \\
          --batch-size 8 --steps 5 --json
      """)

  @Option(help: "A published size, DiT-XL/2 to DiT-S/8.") var modelName = DiTPreset.b4
  @Option(help: "Parts of the blocks: of DiT, of LightningDiT, or those with QK-norm (modern).")
  var block = DiTBlockPreset.dit
  @Option(help: "Height and width of images in pixels, 8 times the latents'.") var imageSize = 256
  @Option(help: "Images of a step.") var batchSize = 8
  @Option(help: "Timed steps, after one to warm up.") var steps = 5
  @Option(help: "Compute blocks again in the backward pass.") var useRecompute = false
  @OptionGroup(title: "Execution") var format: TrainingFormat
  @OptionGroup(title: "Execution") var execution: ExecutionOptions
  @OptionGroup var output: BenchmarkOutput

  func validate() throws {
    try Bounds.checkImageSize(imageSize, multipleOf: 8 * modelName.patchSize)
    try Bounds.batchSizes.check(batchSize, "--batch-size")
    try Bounds.counts.check(steps, "--steps")
  }

  func run() throws {
    ProcessMemory.prepare()
    try execution.apply()
    let device = try DeviceSelection.openDevice(execution.device, allowsTF32: execution.tf32)
    var training = TrainingConfig()
    training.batchSize = batchSize
    training.recompute = useRecompute ? .all : .none
    training.dtype = try format.precision.format.requiredTrainingType()
    training.prefetches = device.capabilities.isAsynchronous
    training.recordsSteps =
      device.capabilities.recordsGraphs && execution.chosenMode == .graph
    var config = modelName.config(inputSize: imageSize / 8)
    config.block = block.config
    let estimate = TrainingMemory(config, dtype: training.dtype)
    MemoryWarning(device)?.line(
      for: estimate.stateByteCount + batchSize * estimate.byteCountPerImage(training.recompute),
      remedy: "--use-recompute, or a smaller --batch-size,"
    ).map(note)
    let report = try TrainingBenchmark(
      config: config, training: training, stepCount: steps, device: device
    ).run()
    let (times, memory) = (report.times, ProcessMemory.peakBytes)
    let imagesPerSecond = Double(batchSize) / times.median
    try output.show(
      """
      \(modelName.rawValue)\(block == .dit ? "" : ", blocks \(block.rawValue)"), \
      \(imageSize) px, batch \(batchSize), \(training.dtype), \
      \(Amount.of(LibTorch.threadCount, "thread")) on \(device)
      step \(times.median) s (fastest \(times.fastest) s, first \(times.first) s), \
      \(imagesPerSecond) images/s, peak memory \(memory >> 20) MiB
      """,
      [
        "seconds_per_step": times.median, "fastest_step_seconds": times.fastest,
        "first_step_seconds": times.first, "images_per_second": imagesPerSecond,
        "peak_memory_bytes": memory, "peak_device_memory_bytes": device.peakMemory(),
        "threads": LibTorch.threadCount, "model_name": modelName.rawValue,
        "block": block == .dit ? nil : block.rawValue, "image_size": imageSize,
        "batch_size": batchSize, "precision": "\(training.dtype)", "device": device.description,
        "graph": report.recording.note,
      ])
  }
}
