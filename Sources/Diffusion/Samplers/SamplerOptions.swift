/// The options of all samplers. Each sampler reads its own; all take a spacing.
public struct SamplerOptions: Sendable, Equatable, Codable {
  /// The names of the options.
  public enum Key: String, Sendable, CaseIterable {
    /// The share of fresh noise, for DDIM.
    case eta
    /// The order of a multistep method, for UniPC.
    case solverOrder
  }

  /// DDIM's share of fresh noise: 0 for none, 1 for as much as DDPM adds.
  public var eta: Double
  /// The order of UniPC, 2 or 3.
  public var solverOrder: Int
  /// The spacing of times; nil for the sampler's own.
  public var timestepSpacing: TimestepSpacing?

  /// Options with their defaults.
  public init(eta: Double = 0, solverOrder: Int = 2, timestepSpacing: TimestepSpacing? = nil) {
    self.eta = eta
    self.solverOrder = solverOrder
    self.timestepSpacing = timestepSpacing
  }
}

extension SamplerOptions {
  private enum CodingKeys: String, CodingKey, CaseIterable {
    case eta
    case solverOrder = "solver_order"
    case timestepSpacing = "timestep_spacing"
  }

  /// All keys in JSON.
  package static var keys: [String] { CodingKeys.allCases.map(\.rawValue) }

  /// Reads options; those that are missing have their defaults.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let defaults = SamplerOptions()
    self.init(
      eta: try container.decodeIfPresent(Double.self, forKey: .eta) ?? defaults.eta,
      solverOrder: try container.decodeIfPresent(Int.self, forKey: .solverOrder)
        ?? defaults.solverOrder,
      timestepSpacing: try container.decodeIfPresent(
        TimestepSpacing.self, forKey: .timestepSpacing))
  }
}
