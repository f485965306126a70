internal import CTorch

/// A stream of random numbers on a device: libtorch's own, so a seed gives PyTorch's numbers.
public final class Generator {
  let handle: ctorch_generator
  /// The device whose numbers it gives.
  public let device: Device

  /// A generator of its own, seeded.
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

  /// The state as bytes, `[B]` uint8, for checkpoints.
  public func state() throws -> Tensor {
    var result = ctorch_tensor(impl: nil)
    try check(ctorch_generator_state(handle, &result), "reading a generator's state")
    return Tensor(owning: result)
  }

  /// Goes on from a state that `state()` gave.
  ///
  /// - Throws: `TorchError` if `state` is not one of a generator of this device.
  public func restore(_ state: Tensor) throws {
    try check(
      ctorch_generator_set_state(handle, state.handle), "restoring a generator's state")
  }
}
