internal import Torch

/// How fast a device multiplies matrices: the base of model-FLOPs utilization.
struct MatmulThroughput {
  /// Operations a second, a multiply-add counted as two, in the fastest of some products.
  let operationsPerSecond: Double

  /// Multiplies some matrices.
  ///
  /// - Parameters:
  ///   - dtype: the type of the elements.
  ///   - device: the device to measure.
  /// - Throws: `TorchError` if the device cannot multiply this type.
  init(measuring dtype: DType, on device: Device) throws {
    // Large enough for the peak, and for a blink of an eye.
    let size = device.isCPU ? 512 : 8192
    operationsPerSecond = try withoutGradients {
      let matrix = Tensor.full([size, size], 0.5, dtype: dtype, device: device)
      let clock = ContinuousClock()
      let times = try withTorchErrors {
        (0..<5).map { _ in
          let start = clock.now
          _ = linear(matrix, weight: matrix)[0][0].item
          return start.duration(to: clock.now).inSeconds
        }
      }
      return 2 * Double(size * size * size) / (times.min() ?? .infinity)
    }
  }
}
