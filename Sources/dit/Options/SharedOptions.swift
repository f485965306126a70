internal import ArgumentParser
internal import Foundation
internal import Inference
internal import Parallel
internal import Pipeline
internal import Torch

/// Where and how a model runs. Its number format is in `SamplingFormat` and `TrainingFormat`.
struct ExecutionOptions: ReplacingOptions {
  static let replaced: [String: Set<String>] = [
    "mode": ["ms-mode"], "device": ["device-target"],
  ]

  @Option(
    help: """
      graph compiles the model for the batch; eager runs it as written (default: graph). In \
      training, graph needs a GPU, one process and one micro-batch; it records whole steps.
      """)
  var mode: ExecutionMode?
  @Option(help: "auto, cpu, cuda or cuda:N.") var device = "auto"
  @Option(
    help: "A library that adds a device to libtorch, such as Ascend's npu.", completion: .file())
  var devicePlugin: String?
  @Option(help: "Multiply float32 matrices in TF32 on a GPU, as the published code does.")
  var tf32 = true
  @Option(help: "CPU threads (default: one per core).") var threads: Int?

  func validate() throws {
    try Bounds.threadCounts.check(threads, "--threads")
  }

  /// The mode, `graph` unless another is given.
  var chosenMode: ExecutionMode { mode ?? .graph }

  /// Opens the plug-in and sets the number of threads. Comes before any use of a device.
  func apply() throws {
    if let devicePlugin { try DeviceSelection.openPlugin(devicePlugin) }
    try useThreads(threads)
  }
}

/// Sets the number of CPU threads; nil leaves the default.
func useThreads(_ threads: Int?) throws {
  guard let threads else { return }
  let count = ProcessInfo.processInfo.activeProcessorCount
  if threads > count, ProcessInfo.processInfo.environment[WorkerPool.marker] == nil {
    note(
      "--threads \(threads): more than the \(count) logical cores of this machine, which is slower")
  }
  try LibTorch.setThreadCount(threads)
}
