public import Torch

extension RankGroup {
  /// The group that adds up and exchanges tensors of a device: NCCL's for NVIDIA GPUs where our library
  /// for CUDA is open, else `group`, by way of the processor's memory. All ranks ask for it together.
  ///
  /// - Throws: `LaunchError` if a rank does not come in time.
  public func tensorGroup(on device: Device) throws -> ProcessGroup {
    guard device.type == "cuda", CUDA.hasKernelLibrary else { return group }
    return try naming {
      try ProcessGroup(store, rank: rank, size: count, device: device, timeout: group.timeout)
    }
  }
}
