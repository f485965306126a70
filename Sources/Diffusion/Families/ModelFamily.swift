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

  /// Whether it is a flow.
  public var isFlow: Bool { self != .dit }

  /// The sampler unless one is chosen.
  public var defaultSampler: SamplingMethod { isFlow ? .heun : .ddpm }

  /// The channels that guidance acts on unless they are chosen.
  public var guidedChannels: GuidedChannels { self == .repa ? .all : .first(3) }

  /// The rows of a draw of noise for each image under guidance: the published code of DiT and SiT draws
  /// for the null rows too.
  var noiseRowsPerImage: Int { self == .repa ? 1 : 2 }

  /// The type in which fresh noise is drawn. REPA's latents are float64, and so are its draws.
  var noiseType: DType { self == .repa ? .float64 : .float32 }
}
