internal import ArgumentParser
internal import Foundation
internal import Inference
internal import Parallel
internal import Pipeline
internal import Torch

/// Options that say where and how a model runs, but for its number format.
struct ExecutionOptions: ReplacingOptions {
  static let replaced: [String: Set<String>] = [
    "mode": ["ms-mode"], "device": ["device-target"],
  ]

  @Option(
    help: """
      graph compiles the model for the batch; eager runs it as written (default: graph). To train, \
      graph is for a GPU, which records whole steps of one process and one micro-batch.
      """)
  var mode: ExecutionMode?
  @Option(help: "auto, cpu, cuda or cuda:N.") var device = "auto"
  @Option(help: "A library by which libtorch learns of other devices, such as Ascend's npu.")
  var devicePlugin: String?
  @Option(help: "Let a GPU compute products of float32 in TF32, as the published code does.")
  var tf32 = true
  @Option(help: "Processor threads (default: one a core).") var threads: Int?

  func validate() throws {
    try Bounds.threadCounts.check(threads, "--threads")
  }

  /// How the model is run where there is a choice.
  var chosenMode: ExecutionMode { mode ?? .graph }

  /// Opens the plug-in and takes the number of threads into use; to be done before a device is asked
  /// for.
  func apply() throws {
    if let devicePlugin { try DeviceSelection.openPlugin(devicePlugin) }
    try useThreads(threads)
  }
}

/// Takes a number of threads into use; nil leaves the default.
func useThreads(_ threads: Int?) throws {
  guard let threads else { return }
  let count = ProcessInfo.processInfo.activeProcessorCount
  if threads > count, ProcessInfo.processInfo.environment[WorkerPool.marker] == nil {
    note("--threads \(threads): more than the \(count) logical cores here, which is slower")
  }
  try LibTorch.setThreadCount(threads)
}

/// Keys of MindONE's configuration files that say what other options say, or nothing here.
struct MindONEOptions: ReplacingOptions {
  static let replaced: [String: Set<String>] = [
    "use-fp16": ["precision", "dtype"], "dtype": ["precision", "use-fp16"], "ms-mode": ["mode"],
    "device-target": ["device"],
  ]

  @Option(help: .hidden) var useFp16: Bool?
  @Option(help: .hidden) var dtype: Precision?
  @Option(help: .hidden) var enableFlashAttention: Bool?
  @Option(help: .hidden) var useParallel: Bool?
  @Option(help: .hidden) var deviceTarget: String?
  @Option(help: .hidden) var msMode: ExecutionMode?
  @Option(help: .hidden) var condition: String?
  @Option(help: .hidden) var patchEmbedder: String?
  @Option(help: .hidden) var jitLevel: String?
  @Option(help: .hidden) var precisionMode: String?
  @Option(help: .hidden) var maxDeviceMemory: String?
  @Option(help: .hidden) var enableModelarts: Bool?

  func validate() throws {
    if let condition, condition != "class" {
      throw ValidationError("condition '\(condition)': only 'class' is known")
    }
    if let patchEmbedder, patchEmbedder != "conv" {
      throw ValidationError("patch embedder '\(patchEmbedder)': only 'conv' is known")
    }
    if let deviceTarget, !["Ascend", "GPU", "CPU"].contains(deviceTarget) {
      throw ValidationError("device target '\(deviceTarget)': known are Ascend, GPU and CPU")
    }
  }

  /// The device of `device_target`, else the one given.
  func device(_ device: String) -> String {
    guard device == "auto", let deviceTarget else { return device }
    return deviceTarget == "CPU" ? "cpu" : deviceTarget == "GPU" ? "cuda" : "auto"
  }

  /// The number format that an option gives, else that of `use_fp16` or `dtype`.
  ///
  /// - Throws: `UsageError` for keys that contradict each other.
  func precision(_ given: Precision, device: String) throws -> Precision {
    if let useFp16, let dtype, dtype != .auto, useFp16 != (dtype == .fp16) {
      throw UsageError("use_fp16 \(useFp16) contradicts dtype \(dtype.name)")
    }
    guard given == .auto else { return given }
    if let dtype { return dtype }
    if useFp16 == false { return .fp32 }
    return useFp16 == true && device.hasPrefix("cuda") ? .fp16 : .auto
  }

  /// Says so where `use_fp16` does not give float16 in training, or `mode` changes nothing in it.
  ///
  /// - Parameters:
  ///   - given: the number format that an option gives.
  ///   - mode: what an option gives.
  ///   - device: the type of the device.
  /// - Returns: a line each.
  func trainingNotes(_ given: Precision, mode: ExecutionMode?, device: String) -> [String] {
    guard device != "cuda" else { return [] }
    var lines: [String] = []
    if useFp16 == true, dtype == nil, given == .auto {
      lines.append(
        "use_fp16 is for a GPU; this trains in float32 (--precision fp16 trains in float16 here too)"
      )
    }
    if mode ?? msMode != nil {
      lines.append("mode has no meaning on \(device), where training runs the model as written")
    }
    return lines
  }

  /// What is accepted and changes nothing here, a line each.
  var notes: [String] {
    MindONEOptions.notes([
      ("jit_level", jitLevel != nil), ("precision_mode", precisionMode != nil),
      ("max_device_memory", maxDeviceMemory != nil), ("enable_modelarts", enableModelarts != nil),
    ])
  }

  /// A line for each key that is given and changes nothing.
  static func notes(_ keys: [(name: String, isGiven: Bool)]) -> [String] {
    keys.filter(\.isGiven).map { "\($0.name) has no meaning here and changes nothing" }
  }
}
