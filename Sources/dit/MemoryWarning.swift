internal import Diffusion
internal import Inference
internal import Models
internal import Pipeline
internal import Torch

/// Says where work may take more memory than a machine has free.
struct MemoryWarning {
  /// What the processes of this machine can take.
  let available: Int

  /// The memory that is free now; nil where that is not known, and for devices with memory of their own.
  init?(_ device: Device, available: Int? = ProcessMemory.availableBytes) {
    guard device.capabilities.usesSystemMemory, let available else { return nil }
    self.available = available
  }

  /// A line for the user's eyes.
  ///
  /// - Parameters:
  ///   - byteCount: what each process takes.
  ///   - processCount: how many of this machine take as much.
  ///   - remedy: what needs less.
  /// - Returns: the line; nil where the memory suffices.
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

  /// A line about sampling.
  ///
  /// - Parameters:
  ///   - config: the shape of the model.
  ///   - precision: the number format, settled.
  ///   - networkBatchSize: the batch of the network, null labels included.
  ///   - stepCount: steps of a run.
  ///   - processCount: how many of this machine do the same.
  /// - Returns: the line; nil where the memory suffices.
  func line(
    sampling config: DiTConfig, _ precision: Precision, networkBatchSize: Int, stepCount: Int,
    processCount: Int = 1
  ) -> String? {
    line(
      for: config.samplingMemory(
        precision, networkBatchSize: networkBatchSize, stepCount: stepCount),
      processCount: processCount, remedy: "a smaller --batch-size")
  }
}
