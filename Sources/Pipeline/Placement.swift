public import Inference
public import Torch

/// Settles where and in which number format to run.
public enum Placement {
  /// The device of a name; `auto` is the first NVIDIA GPU that libtorch can use, else the processor.
  ///
  /// - Throws: `PipelineError` for an unknown or absent device.
  public static func device(_ name: String) throws -> Device {
    if name == "auto" {
      return (try? Device.cuda(0).availableCount()) ?? 0 > 0 ? .cuda(0) : .cpu
    }
    guard let device = Device(name), device.type != "meta" else {
      throw PipelineError(
        .setting, "device '\(name)': known are auto, cpu, cuda and cuda:0, cuda:1, ...")
    }
    guard device != .cpu else { return device }
    let count: Int
    do {
      count = try device.availableCount()
    } catch let error as TorchError {
      throw PipelineError(.setting, "device '\(name)': \(error.message)")
    }
    guard count > device.index ?? 0 else {
      throw PipelineError(
        .unusable,
        count == 0
          ? "device '\(name)': there is none, or libtorch was built without it; use --device cpu"
          : "device '\(name)': there are only \(count), numbered from 0")
    }
    return device
  }

  /// The number format; `auto` is bf16 where the hardware multiplies it, else fp32.
  ///
  /// - Throws: `PipelineError` if the hardware or the mode does not have the format.
  public static func precision(
    _ precision: Precision, in mode: ExecutionMode, on device: Device
  ) throws -> Precision {
    switch precision {
    case .auto: return Processor.hasBFloat16 || device != .cpu ? .bf16 : .fp32
    case .fp16 where device == .cpu && !Processor.hasFloat16:
      throw PipelineError(
        .unusable,
        "precision fp16 needs a GPU or a processor with AVX512_FP16; use bf16 or fp32 here")
    case _ where precision.isInt8 && mode == .eager:
      throw PipelineError(.setting, "precision int8 is for mode graph; eager has fp32 and bf16")
    case _ where precision.isInt8 && device != .cpu:
      throw PipelineError(
        .unusable, "precision int8 runs on the processor alone; use bf16 on device \(device)")
    case _ where precision.isInt8 && !Processor.hasByteProducts:
      throw PipelineError(
        .unusable, "precision int8 needs a processor with AVX512_VNNI; use fp32 here")
    case .fp32, .bf16, .fp16, .int8, .int8WithFloatFC2: return precision
    }
  }
}
