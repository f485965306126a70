/// The options of all samplers. Each sampler reads its own.
public struct SamplerOptions: Sendable, Equatable, Codable {
  /// The names of the options.
  public enum Key: String, Sendable, CaseIterable {
    /// The share of fresh noise, for DDIM.
    case eta
  }

  /// DDIM's share of fresh noise: 0 for none, 1 for as much as DDPM adds.
  public var eta: Double

  /// Options with their defaults.
  public init(eta: Double = 0) { self.eta = eta }
}

extension SamplerOptions {
  /// Reads options; those that are missing have their defaults.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    self.init(eta: try container.decodeIfPresent(Double.self, forKey: .eta) ?? 0)
  }
}
