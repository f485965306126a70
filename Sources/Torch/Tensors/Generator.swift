internal import CTorch

/// libtorch's random number generator of a device: a seed gives the numbers that PyTorch draws.
public final class Generator {
  let handle: ctorch_generator
  /// The device of the numbers.
  public let device: Device

  /// A new generator, independent of libtorch's default one.
  ///
  /// - Throws: `TorchError` if the device is absent.
  public init(seed: UInt64, device: Device = .cpu) throws {
    var handle = ctorch_generator(impl: nil)
    try check(
      ctorch_generator_create(device.description, seed, &handle), "generator on \(device)")
    self.handle = handle
    self.device = device
  }

  deinit { ctorch_generator_release(handle) }

  /// The state for a checkpoint, `[B]`, uint8.
  public func state() throws -> Tensor {
    var result = ctorch_tensor(impl: nil)
    try check(ctorch_generator_state(handle, &result), "reading a generator's state")
    return Tensor(owning: result)
  }

  /// Restores a result of `state()`.
  ///
  /// - Throws: `TorchError` if the state belongs to another type of device.
  public func restore(_ state: Tensor) throws {
    try check(
      ctorch_generator_set_state(handle, state.handle), "restoring a generator's state")
  }
}
