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
  public static func precision(_ precision: Precision, on device: Device) -> Precision {
    switch precision {
    case .auto: Processor.hasBFloat16 || device != .cpu ? .bf16 : .fp32
    case .fp32, .bf16, .fp16, .int8: precision
    }
  }
}
