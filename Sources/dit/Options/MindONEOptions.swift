internal import ArgumentParser
internal import Inference
internal import Pipeline

/// Keys of MindONE's configuration files that stand for options of ours, or that change nothing.
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

  /// The device that `device_target` stands for, unless `--device` names one.
  func device(_ device: String) -> String {
    guard device == "auto", let deviceTarget else { return device }
    return deviceTarget == "CPU" ? "cpu" : deviceTarget == "GPU" ? "cuda" : "auto"
  }

  /// The number format of `--precision`, or of `use_fp16` or `dtype` if that is `auto`.
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

  /// Notes for training without a GPU: `use_fp16` is not float16 there, and `mode` has no effect.
  ///
  /// - Parameters:
  ///   - given: the value of `--precision`.
  ///   - mode: the value of `--mode`.
  ///   - device: the type of the device, such as `cpu`.
  /// - Returns: one line for each note.
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

  /// One line for each accepted key that changes nothing.
  var notes: [String] {
    MindONEOptions.notes([
      ("jit_level", jitLevel != nil), ("precision_mode", precisionMode != nil),
      ("max_device_memory", maxDeviceMemory != nil), ("enable_modelarts", enableModelarts != nil),
    ])
  }

  /// One line for each key that is given and changes nothing.
  static func notes(_ keys: [(name: String, isGiven: Bool)]) -> [String] {
    keys.filter(\.isGiven).map { "\($0.name) has no meaning here and changes nothing" }
  }
}

/// Keys of MindONE's training files that are accepted and change nothing.
struct MindONETrainingOptions: ParsableArguments {
  @Option(help: .hidden) var sinkSize: Int?
  @Option(help: .hidden) var imagenetFormat: Bool?
  @Option(help: .hidden) var jsonDataPath: String?
  @Option(help: .hidden) var numWorkers: Int?
  @Option(help: .hidden) var replaceSmallImages: Bool?
  @Option(help: .hidden) var clipCheckpoint: String?
  @Option(help: .hidden) var callbackSize: Int?
  @Option(help: .hidden) var logLevel: String?
  @Option(help: .hidden) var profile: Bool?

  /// One line for each accepted key that changes nothing.
  var notes: [String] {
    MindONEOptions.notes([
      ("json_data_path", jsonDataPath != nil), ("num_workers", numWorkers != nil),
      ("replace_small_images", replaceSmallImages == true), ("sink_size", sinkSize != nil),
      ("clip_checkpoint", clipCheckpoint != nil), ("callback_size", callbackSize != nil),
      ("log_level", logLevel != nil), ("profile", profile == true),
    ])
  }
}
