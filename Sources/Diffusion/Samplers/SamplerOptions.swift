/// The options of all samplers. Each sampler reads its own; all take a spacing.
public struct SamplerOptions: Sendable, Equatable, Codable {
  /// The names of the options.
  public enum Key: String, Sendable, CaseIterable {
    /// The share of fresh noise, for DDIM.
    case eta
    /// The order of a multistep method, for UniPC.
    case solverOrder = "solver_order"
    /// The absolute tolerance of an adaptive method.
    case atol
    /// The relative tolerance of an adaptive method.
    case rtol
    /// The course of an SDE's noise.
    case diffusionForm = "diffusion_form"
    /// The amount of an SDE's noise.
    case diffusionNorm = "diffusion_norm"
    /// The kind of an SDE's last step.
    case lastStep = "last_step"
    /// The length of an SDE's last step.
    case lastStepSize = "last_step_size"
  }

  /// DDIM's share of fresh noise: 0 for none, 1 for as much as DDPM adds.
  public var eta = 0.0
  /// The order of UniPC, 2 or 3.
  public var solverOrder = 2
  /// The spacing of times; nil for the sampler's own.
  public var timestepSpacing: TimestepSpacing?
  /// s of the spacing `shifted`, above 0.
  public var timeShift = 1.0
  /// The absolute error that dopri5 allows in a step.
  public var atol = 1e-6
  /// The error that dopri5 allows in a step, as a share of the latents.
  public var rtol = 1e-3
  /// The course of the noise that euler-sde adds.
  public var diffusionForm = DiffusionForm.sigma
  /// What that noise is multiplied by, 0 or more.
  public var diffusionNorm = 1.0
  /// The last step of euler-sde.
  public var lastStep = LastStep.mean
  /// The length of that step, a part of the whole way from noise to data.
  public var lastStepSize = 0.04

  /// Options with their defaults.
  public init(eta: Double = 0, solverOrder: Int = 2, timestepSpacing: TimestepSpacing? = nil) {
    self.eta = eta
    self.solverOrder = solverOrder
    self.timestepSpacing = timestepSpacing
  }
}

extension SamplerOptions {
  /// The options that are not the default, as texts.
  package var changed: [Key: String] {
    let defaults = SamplerOptions()
    var texts: [Key: String] = [:]
    func add<Value: Equatable>(_ key: Key, _ path: KeyPath<SamplerOptions, Value>) {
      if self[keyPath: path] != defaults[keyPath: path] { texts[key] = "\(self[keyPath: path])" }
    }
    add(.eta, \.eta)
    add(.solverOrder, \.solverOrder)
    add(.atol, \.atol)
    add(.rtol, \.rtol)
    add(.diffusionForm, \.diffusionForm)
    add(.diffusionNorm, \.diffusionNorm)
    add(.lastStep, \.lastStep)
    add(.lastStepSize, \.lastStepSize)
    return texts
  }
}

extension SamplerOptions {
  private enum CodingKeys: String, CodingKey, CaseIterable {
    case eta
    case solverOrder = "solver_order"
    case timestepSpacing = "timestep_spacing"
    case timeShift = "time_shift"
    case atol
    case rtol
    case diffusionForm = "diffusion_form"
    case diffusionNorm = "diffusion_norm"
    case lastStep = "last_step"
    case lastStepSize = "last_step_size"
  }

  /// All keys in JSON.
  package static var keys: [String] { CodingKeys.allCases.map(\.rawValue) }

  /// Reads options; those that are missing have their defaults.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    self.init()
    func read<Value: Decodable>(_ key: CodingKeys, into value: inout Value) throws {
      value = try container.decodeIfPresent(Value.self, forKey: key) ?? value
    }
    try read(.eta, into: &eta)
    try read(.solverOrder, into: &solverOrder)
    timestepSpacing = try container.decodeIfPresent(TimestepSpacing.self, forKey: .timestepSpacing)
    try read(.timeShift, into: &timeShift)
    try read(.atol, into: &atol)
    try read(.rtol, into: &rtol)
    try read(.diffusionForm, into: &diffusionForm)
    try read(.diffusionNorm, into: &diffusionNorm)
    try read(.lastStep, into: &lastStep)
    try read(.lastStepSize, into: &lastStepSize)
  }

  /// Writes options; the shift of times for shifted times alone.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(eta, forKey: .eta)
    try container.encode(solverOrder, forKey: .solverOrder)
    try container.encodeIfPresent(timestepSpacing, forKey: .timestepSpacing)
    if timestepSpacing == .shifted { try container.encode(timeShift, forKey: .timeShift) }
    try container.encode(atol, forKey: .atol)
    try container.encode(rtol, forKey: .rtol)
    try container.encode(diffusionForm, forKey: .diffusionForm)
    try container.encode(diffusionNorm, forKey: .diffusionNorm)
    try container.encode(lastStep, forKey: .lastStep)
    try container.encode(lastStepSize, forKey: .lastStepSize)
  }
}
