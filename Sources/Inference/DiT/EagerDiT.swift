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
  public func bind(labels: [Int], times: [Double], cache: FeatureCache) -> ConditionedDiT {
    let y = Tensor(labels).to(device)
    let (model, dtype, device) = (model, dtype, device)
    let forecast = BlockForecast(cache)
    return { latents, time in
      let rows = latents.size(0)
      let t = Tensor.full([rows], time, device: device)
      let hook = forecast.map { model.hook($0, at: time, rowCount: rows) } ?? { $3($1, $2) }
      return model(latents.to(dtype), t: t, y: y[0..<rows], hook: hook).to(.float32)
    }
  }
}

extension EagerDiT {
  /// Sets the labels of a batch.
  public func bindAverage(labels: [Int]) -> AverageDiT {
    let y = Tensor(labels).to(device)
    return { [model, dtype, device] latents, start, end in
      let rows = latents.size(0)
      func all(_ value: Double) -> Tensor { .full([rows], value, device: device) }
      return model(
        latents.to(dtype), t: all(start), y: y[0..<rows], span: all(end - start)
      ).to(.float32)
    }
  }
}

extension DiT {
  /// Runs the blocks, or adds a forecast of what they do in place of the first.
  fileprivate func hook(
    _ forecast: BlockForecast, at time: Double, rowCount: Int
  ) -> BlockHook {
    if let change = forecast.change(at: time, rowCount: rowCount) {
      return { index, x, _, _ in index == 0 ? (x.to(.float32) + change).to(x.dtype) : x }
    }
    let last = blocks.count - 1
    var embedding: Tensor?
    return { index, x, c, block in
      let start = embedding ?? x
      embedding = start
      let result = block(x, c)
      if index == last { forecast.keep(result.to(.float32) - start.to(.float32)) }
      return result
    }
  }
}
