internal import Diffusion
internal import Inference
internal import Models
internal import Pipeline
internal import Torch

/// Warns of work that may take more memory than the machine has free.
struct MemoryWarning {
  /// Free memory in bytes.
  let available: Int

  /// Measures free memory; nil if it is unknown, or if the device has memory of its own.
  init?(_ device: Device, available: Int? = ProcessMemory.availableBytes) {
    guard device.capabilities.usesSystemMemory, let available else { return nil }
    self.available = available
  }

  /// A warning about any work.
  ///
  /// - Parameters:
  ///   - byteCount: bytes that each process takes.
  ///   - processCount: processes on this machine that take as much.
  ///   - remedy: what needs less.
  /// - Returns: the warning; nil if the memory suffices.
  func line(for byteCount: Int, processCount: Int = 1, remedy: String) -> String? {
    let (product, isTooLarge) = byteCount.multipliedReportingOverflow(by: processCount)
    let total = isTooLarge ? Int.max : product
    guard total > available else { return nil }
    let isAlone = processCount == 1
    let shares = isAlone ? "" : " (\(processCount) processes here, \(Amount.bytes(byteCount)) each)"
    return "Warning: that takes about \(Amount.bytes(total))\(shares), and"
      + " \(Amount.bytes(available)) of memory are free: the system may end the program;"
      + " \(remedy)\(isAlone ? "" : ", or fewer processes,") needs less"
  }

  /// A warning about sampling with any model.
  ///
  /// - Parameters:
  ///   - config: the shape of the model.
  ///   - precision: the number format, not `auto`.
  ///   - networkBatchSize: the batch of the network, null labels included.
  ///   - stepCount: steps of a run.
  ///   - processCount: processes on this machine that do the same.
  /// - Returns: the warning; nil if the memory suffices.
  func line(
    sampling config: DiTConfig, _ precision: Precision, networkBatchSize: Int, stepCount: Int,
    processCount: Int = 1
  ) -> String? {
    line(
      for: config.samplingMemory(
        precision, networkBatchSize: networkBatchSize, stepCount: stepCount),
      processCount: processCount, remedy: "a smaller --batch-size")
  }

  /// A warning about sampling with a pipeline.
  ///
  /// - Parameters:
  ///   - pipeline: makes the images.
  ///   - settings: its settings.
  ///   - batchSize: images at a time.
  ///   - processCount: processes on this machine that do the same.
  /// - Returns: the warning; nil if the memory suffices.
  func line(
    sampling pipeline: LatentDiffusionPipeline, _ settings: SamplingSettings, batchSize: Int,
    processCount: Int = 1
  ) -> String? {
    line(
      for: pipeline.samplingMemory(settings, batchSize: batchSize), processCount: processCount,
      remedy: "a smaller --batch-size")
  }
}
