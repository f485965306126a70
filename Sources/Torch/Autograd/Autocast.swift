internal import CTorch

/// Runs `body` in mixed precision (Micikevicius et al. 2018): matrix products compute in `dtype`,
/// parameters, sums and norms stay float32.
///
/// - Parameters:
///   - dtype: bfloat16 or float16; with float32 nothing changes.
///   - device: the device that computes.
///   - body: what to run.
/// - Returns: what `body` returns.
/// - Throws: what `body` throws; `TorchError` if the device has no mixed precision.
public func withMixedPrecision<Result>(
  _ dtype: DType, on device: Device, _ body: () throws -> Result
) throws -> Result {
  guard dtype != .float32 else { return try body() }
  try check(ctorch_autocast_begin(device.type, dtype.rawValue), "mixed precision on \(device)")
  defer { _ = ctorch_autocast_end(device.type) }
  return try body()
}
