internal import Diffusion
internal import Files
internal import Pipeline

/// A field of a request that says how to sample: its name, its values, and what it does.
struct SamplingField: Sendable {
  /// The name.
  let name: String
  /// What it does.
  let summary: String
  /// The values that the model takes, as a JSON Schema without null; before the model is there, all.
  let values: @Sendable (ModelDescription?) -> JSON
  /// What holds where it is not given; nil for what the sampler chooses.
  let standard: @Sendable (ModelDescription) -> JSON
  /// Reads it into options.
  let read: @Sendable (JSONFields, inout SamplingWish) throws(APIError) -> Void
}

/// What a request says of sampling.
struct SamplingWish {
  var sampler: SamplingMethod?
  var steps: Int?
  var spacing: TimestepSpacing?
  var timeShift: Double?
  /// The rest of the sampler's options.
  var options: SamplerOptions
  var guidance: Guidance

  /// Nothing but what the server has by default.
  init(_ model: ModelDescription) {
    (options, guidance) = (model.defaults.samplerOptions, model.guidance)
  }

  /// The options.
  ///
  /// - Parameter defaults: of the server. Another sampler has its own number of steps and spacing.
  /// - Returns: options of which the model's family decides the rest.
  /// - Throws: `APIError` for what contradicts itself.
  func options(_ defaults: SamplingOptions) throws(APIError) -> SamplingOptions {
    guard timeShift == nil || spacing ?? .shifted == .shifted else {
      throw .invalid(
        "time_shift",
        "time_shift is for the timestep_spacing shifted, not \(spacing?.rawValue ?? "")")
    }
    guard spacing != .shifted || timeShift != nil else {
      throw .invalid("timestep_spacing", "the timestep_spacing shifted needs a time_shift")
    }
    let keeps = sampler == nil || sampler == defaults.sampler
    var sampling = options
    let given = timeShift == nil ? spacing : .shifted
    sampling.timestepSpacing = given ?? (keeps ? options.timestepSpacing : nil)
    sampling.timeShift = timeShift ?? options.timeShift
    var guidance = guidance
    if !guidance.isActive, guidance.interval == defaults.guidance.interval {
      guidance.interval = .all
    }
    return SamplingOptions(
      sampler: sampler ?? defaults.sampler,
      stepCount: steps ?? (keeps ? defaults.chosenStepCount : nil), samplerOptions: sampling,
      guidance: guidance)
  }
}

extension SamplingField {
  /// All, in the order of the documentation.
  static let all: [SamplingField] = [
    sampler, steps, guidanceScale, guidanceInterval, guidedChannels, spacing, timeShift,
    number("eta", "DDIM's share of fresh noise.", SamplingRange.eta, \.eta),
    integer("solver_order", "The order of unipc.", SamplingRange.solverOrder, \.solverOrder),
    number(
      "atol", "The absolute error that dopri5 allows in a step.", SamplingRange.tolerance, \.atol),
    number(
      "rtol", "The error that dopri5 allows in a step, as a share of the latents.",
      SamplingRange.tolerance, \.rtol),
    choice("diffusion_form", "The course of the noise of euler-sde.", \.diffusionForm),
    number(
      "diffusion_norm", "What the noise of euler-sde is multiplied by.",
      SamplingRange.diffusionNorm, \.diffusionNorm),
    choice("last_step", "The last step of euler-sde.", \.lastStep),
    number(
      "last_step_size", "The length of that step, of the whole way from noise to data.",
      SamplingRange.lastStepSize, \.lastStepSize),
  ]

  /// The names, and what else is understood for them.
  static let aliases = ["sampling_steps": "steps"]

  private static let sampler = SamplingField(
    name: "sampler", summary: "The sampling method.",
    values: { .choices(($0?.samplers ?? SamplingMethod.all).map(\.name)) },
    standard: { .string($0.defaults.sampler.name) }
  ) { fields, wish throws(APIError) in
    guard let name = try fields.string("sampler") else { return }
    guard let method = SamplingMethod(named: name) else {
      let known = SamplingMethod.all.map(\.name)
      let nearest = Spelling.nearest(to: name.clipped, among: known)
        .map { "; did you mean '\($0)'?" }
      throw .invalid(
        "sampler",
        "no sampler is called '\(name.clipped)'"
          + (nearest ?? ": there are \(known.joined(separator: ", "))"))
    }
    wish.sampler = method
  }

  private static let steps = SamplingField(
    name: "steps", summary: "The steps of sampling; the sampler's own number if it is not given.",
    values: { _ in .integers(SamplingRange.steps) },
    standard: { $0.defaults.stepCount.map(JSON.integer) ?? .null }
  ) { fields, wish throws(APIError) in
    let other = try fields.integer("sampling_steps", in: SamplingRange.steps)
    wish.steps = try fields.integer("steps", in: SamplingRange.steps) ?? other
  }

  private static let guidanceScale = SamplingField(
    name: "guidance_scale", summary: "Classifier-free guidance; 1 or less for none.",
    values: { _ in .numbers(SamplingRange.guidanceScale) },
    standard: { .compact($0.defaults.guidance.scale) }
  ) { fields, wish throws(APIError) in
    if let scale = try fields.number("guidance_scale", in: SamplingRange.guidanceScale) {
      wish.guidance.scale = scale
    }
  }

  private static let guidanceInterval = SamplingField(
    name: "guidance_interval",
    summary: "The times between which guidance acts, from 0, data, to 1, noise.",
    values: { _ in
      .object([
        ("type", .string("array")), ("items", .numbers(0...1)), ("minItems", .integer(2)),
        ("maxItems", .integer(2)),
      ])
    },
    standard: { $0.defaults.guidance.interval.json }
  ) { fields, wish throws(APIError) in
    guard let value = fields["guidance_interval"] else { return }
    guard let interval = GuidanceInterval(value) else {
      throw .invalid(
        "guidance_interval",
        "guidance_interval is \(value.text.clipped): it has two numbers from 0 to 1")
    }
    wish.guidance.interval = interval
  }

  private static let guidedChannels = SamplingField(
    name: "cfg_channels",
    summary: "The channels of the latents that guidance acts on: the first few, or all.",
    values: { model in
      if model?.process.family.takesGuidance == true { return .choices(["all"]) }
      let counts = JSON.integers(1...(model?.guidedChannelLimit ?? 3))
      return .object([("anyOf", .array([counts, .choices(["all"])]))])
    },
    standard: { $0.defaults.guidance.channels?.json ?? .null }
  ) { fields, wish throws(APIError) in
    guard let value = fields["cfg_channels"] else { return }
    let text = if case .string(let text) = value { text } else { value.integer.map(String.init) }
    guard let channels = text.flatMap({ GuidedChannels($0) }) else {
      throw .invalid(
        "cfg_channels", "cfg_channels is \(value.text.clipped): it is a number of channels, or all")
    }
    wish.guidance.channels = channels
  }

  private static let spacing = SamplingField(
    name: "timestep_spacing",
    summary: "The times of the steps; the sampler's own if it is not given.",
    values: { .choices(SamplingConditions.spacings($0).map(\.rawValue)) },
    standard: { ($0.defaults.timestepSpacing?.rawValue).map(JSON.string) ?? .null }
  ) { fields, wish throws(APIError) in
    wish.spacing = try fields.choice("timestep_spacing", of: TimestepSpacing.self)
  }

  private static let timeShift = SamplingField(
    name: "time_shift", summary: "s of shifted times, t' = s t / (1 + (s - 1) t); chooses them.",
    values: { _ in .numbers(1e-3...1e3) },
    standard: { description in
      let options = description.defaults.samplerOptions
      return options.timestepSpacing == .shifted ? .compact(options.timeShift) : .null
    }
  ) { fields, wish throws(APIError) in
    wish.timeShift = try fields.number("time_shift", in: 1e-3...1e3)
  }

  private static func number(
    _ name: String, _ summary: String, _ range: ClosedRange<Double>,
    _ path: any WritableKeyPath<SamplerOptions, Double> & Sendable
  ) -> SamplingField {
    SamplingField(
      name: name, summary: summary, values: { _ in .numbers(range) },
      standard: { .compact($0.defaults.samplerOptions[keyPath: path]) }
    ) { fields, wish throws(APIError) in
      if let value = try fields.number(name, in: range) { wish.options[keyPath: path] = value }
    }
  }

  private static func integer(
    _ name: String, _ summary: String, _ range: ClosedRange<Int>,
    _ path: any WritableKeyPath<SamplerOptions, Int> & Sendable
  ) -> SamplingField {
    SamplingField(
      name: name, summary: summary, values: { _ in .integers(range) },
      standard: { .integer($0.defaults.samplerOptions[keyPath: path]) }
    ) { fields, wish throws(APIError) in
      if let value = try fields.integer(name, in: range) { wish.options[keyPath: path] = value }
    }
  }

  private static func choice<Value: RawRepresentable<String> & CaseIterable & Sendable>(
    _ name: String, _ summary: String, _ path: any WritableKeyPath<SamplerOptions, Value> & Sendable
  ) -> SamplingField {
    SamplingField(
      name: name, summary: summary,
      values: { _ in .choices(Value.allCases.map(\.rawValue)) },
      standard: { .string($0.defaults.samplerOptions[keyPath: path].rawValue) }
    ) { fields, wish throws(APIError) in
      if let value = try fields.choice(name, of: Value.self) { wish.options[keyPath: path] = value }
    }
  }
}
