internal import Torch

/// How fast the device multiplies matrices: what model-FLOPs utilization is measured against.
enum MatmulThroughput {
  /// Height and width of the matrices: large enough for the peak, and for a blink of an eye.
  private static func size(_ device: Device) -> Int { device.isCPU ? 512 : 8192 }

  /// Operations a second, a multiply-add as two, of the fastest of some products.
  ///
  /// - Parameters:
  ///   - dtype: what is multiplied.
  ///   - device: where.
  /// - Returns: the rate.
  /// - Throws: `TorchError` if the device cannot multiply it.
  static func measured(_ dtype: DType, on device: Device) throws -> Double {
    let size = size(device)
    return try withoutGradients {
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
