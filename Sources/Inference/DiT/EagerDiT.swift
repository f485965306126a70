public import Models
public import Torch

/// A DiT as written: the reference for the packed one.
public struct EagerDiT: DiTRunner {
  let model: DiT
  let dtype: DType
  let device: Device

  /// - Parameters:
  ///   - model: its parameters must have this type, on this device.
  ///   - dtype: the data type of the computation.
  ///   - device: the device of the parameters.
  public init(_ model: DiT, dtype: DType, device: Device) {
    self.model = model
    self.dtype = dtype
    self.device = device
  }

  /// Sets the labels of a batch; any time may follow.
  public func bind(labels: [Int], times: [Double]) -> ConditionedDiT {
    let y = Tensor(labels).to(device)
    let (model, dtype, device) = (model, dtype, device)
    return { latents, time in
      let t = Tensor.full([labels.count], time, device: device)
      return model(latents.to(dtype), t: t, y: y).to(.float32)
    }
  }
}
