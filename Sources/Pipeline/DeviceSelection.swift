public import Inference
public import Torch

/// Opens devices, and chooses number formats that they have.
public enum DeviceSelection {
  /// Opens a device: loads libtorch's CUDA part for a GPU, and sets TF32 for the whole process.
  ///
  /// `auto` is the first NVIDIA GPU if libtorch can use it, else the processor.
  ///
  /// - Parameters:
  ///   - name: `auto`, or a device as libtorch spells it: `cpu`, `cuda`, `cuda:1`.
  ///   - allowsTF32: whether a GPU may multiply float32 matrices in TF32.
  /// - Returns: the device; a GPU with its index.
  /// - Throws: `PipelineError` if the device is unknown or absent, or does not start.
  public static func openDevice(_ name: String, allowsTF32: Bool = true) throws -> Device {
    if name == "auto" {
      guard let driver = try? CUDA.driver(), !driver.gpus.isEmpty, CUDA.libraryPath != nil else {
        return .cpu
      }
      return try openDevice("cuda", allowsTF32: allowsTF32)
    }
    guard let named = Device(name), named.type != "meta" else {
      throw PipelineError(
        .setting, "device '\(name)': known are auto, cpu, cuda and cuda:0, cuda:1, ...")
    }
    guard !named.isCPU else { return .cpu }
    let device = Device(type: named.type, index: named.index ?? 0)
    if device.isCUDA { try openCUDA(name, device) }
    let count: Int
    do {
      count = try device.availableCount()
    } catch is TorchError {
      throw PipelineError(
        .unknownDevice, "device '\(name)': known here are auto, cpu, cuda and cuda:0, cuda:1, ...")
    }
    guard count > 0 else {
      throw PipelineError(
        .absentDevice, "device '\(name)': libtorch finds none that it can use")
    }
    guard count > device.index ?? 0 else {
      throw PipelineError(
        .unusable, "device '\(name)': there are only \(count), numbered from 0")
    }
    if device.capabilities.tf32 { try CUDA.allowTF32(allowsTF32) }
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
      throw PipelineError(
        error.reason == .kernelLibrary ? .kernelLibrary : .unusable,
        "device '\(name)': \(error.message)")
    }
  }

  /// Opens a library that adds a type of device to libtorch, such as Ascend's `npu`.
  ///
  /// - Throws: `PipelineError` if it does not open.
  public static func openPlugin(_ path: String) throws {
    do {
      try LibTorch.loadLibrary(path)
    } catch let error as TorchError {
      throw PipelineError(.unusable, "device plug-in '\(path)': \(error.message)")
    }
  }

  /// Replaces `auto` by a number format: bf16 if the hardware multiplies it, else fp32, or fp16 on a
  /// GPU.
  ///
  /// - Returns: the format, never `auto`.
  /// - Throws: `PipelineError` if the hardware or the mode lacks the format.
  public static func settledPrecision(
    _ precision: Precision, in mode: ExecutionMode, on device: Device
  ) throws -> Precision {
    let half = lacksBFloat16(device) ? "fp32" : "bf16"
    switch precision {
    case .auto:
      return device.capabilities.bfloat16 ? .bf16 : device.isCPU ? .fp32 : .fp16
    case .fp16 where !device.capabilities.float16:
      throw PipelineError(
        .unusable,
        "precision fp16 needs a GPU or a processor with AVX512_FP16; use \(half) here")
    case _ where (precision.isInt8 || precision == .fp8) && mode == .eager:
      throw PipelineError(
        .setting, "precision \(precision.name) is for mode graph; eager has fp32, bf16 and fp16")
    case _ where precision.isInt8 && !device.isCPU:
      throw PipelineError(
        .unusable,
        "precision int8 runs on the processor alone; use bf16 or fp8 on device \(device)")
    case _ where precision.isInt8 && !Processor.hasOwnKernels:
      throw PipelineError(
        .unusable, "precision int8 needs kernels that this build has not; use \(half) here")
    case _ where precision.isInt8 && !device.capabilities.int8:
      throw PipelineError(
        .unusable, "precision int8 needs a processor with AVX512_VNNI; use fp32 here")
    case .fp8 where !device.isCUDA:
      throw PipelineError(
        .unusable, "precision fp8 runs on NVIDIA GPUs alone; use \(half) on device \(device)")
    case .fp8 where !device.capabilities.float8:
      throw PipelineError(
        .unusable,
        "precision fp8 needs a GPU of compute capability 8.9 or more; use bf16 on device \(device)")
    case .fp32, .bf16, .fp16, .int8, .int8WithFloatFC2, .fp8: return precision
    }
  }

  /// Whether bf16 is slower than fp32, because the processor does not multiply it.
  public static func lacksBFloat16(_ device: Device) -> Bool {
    device.isCPU && !device.capabilities.bfloat16
  }

  /// The type of an autoencoder's parameters: bfloat16 on a GPU if the model computes in it, else
  /// float32. Its activations overflow float16.
  static func autoencoderType(_ precision: Precision, on device: Device) -> DType {
    let isHalf = precision == .bf16 || precision == .fp8
    return device.capabilities.halfConvolutions && isHalf ? .bfloat16 : .float32
  }
}
