internal import Torch

/// The weight of each timestep's squared error.
public enum LossWeighting: Codable, Sendable, Equatable {
  /// 1, as published.
  case uniform
  /// min(SNR, γ) / SNR (Hang et al. 2023, equation 5, for a network that predicts noise).
  case minSNR(gamma: Double)

  /// The weight at each step of a schedule, `[T]`, float32; nil for 1 everywhere.
  func weights(of schedule: NoiseSchedule, device: Device) -> Tensor? {
    guard case .minSNR(let gamma) = self else { return nil }
    func table(_ values: [Double]) -> Tensor { Tensor(values).to(.float32).to(device) }
    let signal = table(schedule.alphaBars.map { $0.squareRoot() })
    let noise = table(schedule.alphaBars.map { (1 - $0).squareRoot() })
    let ratios = (signal / noise).squared
    return ratios.clamped(max: gamma) / ratios
  }
}
