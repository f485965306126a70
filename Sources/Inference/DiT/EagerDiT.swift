public import Models
public import Torch

/// Runs a DiT as it is written: the reference for the compiled one.
public struct EagerDiT: DiTRunner {
  let model: DiT
  let dtype: DType
  let device: Device

  /// - Parameters:
  ///   - model: its parameters have the type and lie on the device.
  ///   - dtype: what it computes in.
  ///   - device: where.
  public init(_ model: DiT, dtype: DType, device: Device) {
    self.model = model
    self.dtype = dtype
    self.device = device
  }

  /// See `DiTRunner`.
  public func bind(labels: [Int], timesteps: [Int]) -> ConditionedDiT {
    let y = Tensor(labels).to(device)
    let (model, dtype, device) = (model, dtype, device)
    return { latents, timestep in
      let t = Tensor.full([labels.count], Double(timestep), device: device)
      return model(latents.to(dtype), t: t, y: y).to(.float32)
    }
  }
}
