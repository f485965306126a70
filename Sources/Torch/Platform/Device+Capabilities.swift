internal import CKernels

extension Device {
  /// What a device can do and how it works, so that other code need not know its type.
  public struct Capabilities: Sendable {
    fileprivate let device: Device

    /// Whether the hardware multiplies bfloat16. Taken for granted of a device that cannot be asked.
    public var bfloat16: Bool {
      device.isCPU ? ckernels_has_avx512_bf16() : device.gpu?.hasBFloat16 ?? true
    }

    /// Whether float16 is computed in hardware.
    public var float16: Bool { !device.isCPU || ckernels_has_avx512_fp16() }

    /// Whether the hardware multiplies 8-bit floating-point numbers.
    public var float8: Bool { device.isCUDA && device.gpu?.hasFloat8 ?? true }

    /// Whether 8-bit integers can be multiplied, by the hardware or by `Processor.emulatesInt8`, and
    /// our kernels are there to quantize.
    public var int8: Bool {
      device.isCPU && OwnOperators.areBuilt
        && (ckernels_has_avx512_vnni() || Processor.emulatesInt8)
    }

    /// Whether tensors may be float64.
    public var float64: Bool { device.type != "mps" }

    /// Whether float32 products may be computed in TF32 (`CUDA.allowTF32`).
    public var tf32: Bool { device.isCUDA }

    /// Whether convolutions are faster in bfloat16, and with channels last.
    public var halfConvolutions: Bool { device.isCUDA }

    /// Whether weights are laid out for our kernels of inference; not within `withPlainOperators`, nor in
    /// a build without our kernels.
    public var hasPackedKernels: Bool { device.isCPU && OwnOperators.areUsable }

    /// Whether a computation can be recorded and repeated as one (CUDA graphs).
    public var recordsGraphs: Bool { device.isCUDA && CUDA.hasKernelLibrary }

    /// Whether tensors lie in the memory of the system.
    public var usesSystemMemory: Bool { device.isCPU }

    /// Whether operators return before they are done.
    public var isAsynchronous: Bool { !device.isCPU }

    /// Whether the device reads page-locked memory by itself.
    var readsPinnedMemory: Bool { device.isCUDA }
  }

  /// What the device can do.
  public var capabilities: Capabilities { Capabilities(device: self) }

  /// Whether this is the processor.
  public var isCPU: Bool { type == "cpu" }

  /// Whether this is an NVIDIA GPU.
  public var isCUDA: Bool { type == "cuda" }

  /// What the driver says of the GPU; nil for other devices and without a driver.
  private var gpu: CUDA.GPU? {
    guard isCUDA, let gpus = try? CUDA.driver().gpus, let index, index < gpus.count else {
      return nil
    }
    return gpus[index]
  }
}
