public import Inference
public import Torch

/// Settles where and in which number format to run.
public enum Placement {
  /// The device of a name, opened where it needs a library; `auto` is the first NVIDIA GPU if there
  /// is one and libtorch has a CUDA part, else the processor.
  ///
  /// - Parameters:
  ///   - name: `auto`, or libtorch's spelling.
  ///   - allowsTF32: whether a GPU may compute products of float32 in TF32.
  /// - Returns: the device; an NVIDIA GPU with its index.
  /// - Throws: `PipelineError` for an unknown or absent device, or one that does not start.
  public static func device(_ name: String, allowsTF32: Bool = true) throws -> Device {
    if name == "auto" {
      guard let driver = try? CUDA.driver(), !driver.gpus.isEmpty, CUDA.libraryPath != nil else {
        return .cpu
      }
      return try device("cuda", allowsTF32: allowsTF32)
    }
    guard let named = Device(name), named.type != "meta" else {
      throw PipelineError(
        .setting, "device '\(name)': known are auto, cpu, cuda and cuda:0, cuda:1, ...")
    }
    guard named.type != "cpu" else { return .cpu }
    let device = Device(type: named.type, index: named.index ?? 0)
    if device.type == "cuda" { try openCUDA(name, device) }
    let count: Int
    do {
      count = try device.availableCount()
    } catch is TorchError {
      throw PipelineError(
        .setting,
        "device '\(name)': known here are auto, cpu, cuda and cuda:0, cuda:1, ...; another type needs"
          + " its library (--device-plugin FILE)")
    }
    guard count > device.index ?? 0 else {
      throw PipelineError(
        .unusable,
        count == 0
          ? "device '\(name)': libtorch finds none that it can use; use --device cpu"
          : "device '\(name)': there are only \(count), numbered from 0")
    }
    if device.type == "cuda" { try CUDA.allowTF32(allowsTF32) }
    return device
  }

  /// Asks the driver first: its answer says more than libtorch's.
  private static func openCUDA(_ name: String, _ device: Device) throws {
    do {
      let gpus = try CUDA.driver().gpus
      guard device.index ?? 0 < gpus.count else {
        throw PipelineError(
          .unusable,
          gpus.isEmpty
            ? "device '\(name)': the NVIDIA driver lets this program use no GPU"
            : "device '\(name)': there are only \(gpus.count), numbered from 0")
      }
      try CUDA.open()
    } catch let error as TorchError {
      throw PipelineError(.unusable, "device '\(name)': \(error.message)")
    }
  }

  /// Opens a library by which libtorch learns of another type of device, as Ascend's `npu`.
  ///
  /// - Throws: `PipelineError` if it cannot be opened.
  public static func openPlugin(_ path: String) throws {
    do {
      try LibTorch.loadLibrary(path)
    } catch let error as TorchError {
      throw PipelineError(.unusable, "device plug-in '\(path)': \(error.message)")
    }
  }

  /// The number format; `auto` is bf16 where the hardware multiplies it, else fp32, or fp16 on a GPU.
  ///
  /// - Throws: `PipelineError` if the hardware or the mode does not have the format.
  public static func precision(
    _ precision: Precision, in mode: ExecutionMode, on device: Device
  ) throws -> Precision {
    let gpu = device.type == "cuda" ? gpu(device) : nil
    let half = lacksBFloat16(device) ? "fp32" : "bf16"
    switch precision {
    case .auto:
      guard device != .cpu else { return Processor.hasBFloat16 ? .bf16 : .fp32 }
      return gpu?.hasBFloat16 ?? true ? .bf16 : .fp16
    case .fp16 where device == .cpu && !Processor.hasFloat16:
      throw PipelineError(
        .unusable,
        "precision fp16 needs a GPU or a processor with AVX512_FP16; use \(half) here")
    case _ where (precision.isInt8 || precision == .fp8) && mode == .eager:
      throw PipelineError(
        .setting, "precision \(precision.name) is for mode graph; eager has fp32, bf16 and fp16")
    case _ where precision.isInt8 && device != .cpu:
      throw PipelineError(
        .unusable,
        "precision int8 runs on the processor alone; use bf16 or fp8 on device \(device)")
    case _ where precision.isInt8 && !Processor.hasVNNI:
      throw PipelineError(
        .unusable, "precision int8 needs a processor with AVX512_VNNI; use fp32 here")
    case .fp8 where device.type != "cuda":
      throw PipelineError(
        .unusable, "precision fp8 runs on NVIDIA GPUs alone; use \(half) on device \(device)")
    case .fp8 where gpu?.hasFloat8 == false:
      throw PipelineError(
        .unusable,
        "precision fp8 needs a GPU of compute capability 8.9 or more; use bf16 on device \(device)")
    case .fp32, .bf16, .fp16, .int8, .int8WithFloatFC2, .fp8: return precision
    }
  }

  /// Whether bf16 is slower than fp32 there, for want of hardware.
  public static func lacksBFloat16(_ device: Device) -> Bool {
    device == .cpu && !Processor.hasBFloat16
  }

  /// The type that an autoencoder's parameters are to be given in: half precision where the model
  /// has it and numbers of any size fit, which they do not in float16.
  static func autoencoderType(_ precision: Precision, on device: Device) -> DType {
    guard device.type == "cuda", precision == .bf16 || precision == .fp8 else { return .float32 }
    return .bfloat16
  }

  private static func gpu(_ device: Device) -> CUDA.GPU? {
    guard let gpus = try? CUDA.driver().gpus, let index = device.index, index < gpus.count else {
      return nil
    }
    return gpus[index]
  }
}
