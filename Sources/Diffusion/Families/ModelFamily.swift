internal import Torch

/// A published family of models: what a checkpoint's numbers mean, and how the code published with it
/// samples.
public enum ModelFamily: String, Sendable, Codable, CaseIterable {
  /// DiT (Peebles & Xie 2023): a diffusion process with discrete steps.
  case dit
  /// SiT (Ma et al. 2024): a flow from noise at time 0 to data at time 1.
  case sit
  /// REPA (Yu et al. 2025): a flow with the times reversed, data at 0.
  case repa
  /// LightningDiT (Yao & Wang 2025): SiT's flow, with shifted times and guidance from a time on.
  case lightningdit
  /// Improved MeanFlow (Geng et al. 2025b): a flow whose network predicts average velocities, for samples in
  /// one step, and takes guidance as an input. Times are those of REPA.
  case meanflow
  /// SiT told how far a step goes (MeanFlow, Geng et al. 2025a): a flow in SiT's scale of times whose network
  /// predicts average velocities, with guidance in them.
  case meansit

  /// Whether it is a flow.
  public var isFlow: Bool { self != .dit }

  /// The sampler unless one is chosen.
  public var defaultSampler: SamplingMethod {
    switch self {
    case .dit: .ddpm
    case .sit, .repa: .heun
    case .lightningdit: .euler
    case .meanflow, .meansit: .meanFlow
    }
  }

  /// The steps of a sampler unless a number is chosen; nil for the sampler's own.
  ///
  /// LightningDiT's code goes through 250 times, which are 249 steps.
  func defaultStepCount(of sampler: SamplingMethod) -> Int? {
    self == .lightningdit && sampler == .euler ? 249 : nil
  }

  /// s of the shifted times that a sampler takes unless a spacing is chosen; nil for the sampler's own
  /// spacing.
  func timeShift(of sampler: SamplingMethod) -> Double? {
    guard self == .lightningdit, sampler.defaultStepCount != nil, sampler != .eulerSDE else {
      return nil
    }
    return 0.3
  }

  /// The scale of guidance unless one is chosen. LightningDiT's is that of the model of 800 epochs.
  public var guidanceScale: Double {
    switch self {
    case .dit, .sit, .repa, .meanflow: 4
    case .lightningdit: 6.7
    case .meansit: 1
    }
  }

  /// The times of guidance unless they are chosen.
  public var guidanceInterval: GuidanceInterval {
    self == .lightningdit ? GuidanceInterval(from: 0, to: 0.875) ?? .all : .all
  }

  /// The channels that guidance acts on unless they are chosen.
  public var guidedChannels: GuidedChannels {
    self == .repa || predictsAverages ? .all : .first(3)
  }

  /// Whether the network takes scale and interval of guidance as inputs, so that it runs once for each image
  /// and without the null class.
  public var takesGuidance: Bool { self == .meanflow }

  /// Whether the network predicts the average velocity between two times.
  public var predictsAverages: Bool { self == .meanflow || self == .meansit }

  /// The scale of times of a flow.
  public var direction: FlowPath.Direction {
    switch self {
    case .dit, .sit, .lightningdit, .meansit: .towardsData
    case .repa, .meanflow: .towardsNoise
    }
  }

  /// The rows of a draw of noise for each image under guidance: the published code of DiT and SiT draws
  /// for the null rows too.
  var noiseRowsPerImage: Int { self == .repa || predictsAverages ? 1 : 2 }

  /// The type in which fresh noise is drawn. REPA's latents are float64, and so are its draws.
  var noiseType: DType { self == .repa ? .float64 : .float32 }
}
