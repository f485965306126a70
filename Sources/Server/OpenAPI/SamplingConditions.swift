internal import Diffusion
internal import Files

/// Which values of sampling go together, as JSON Schema says it.
struct SamplingConditions {
  let model: ModelDescription?

  /// The fields that the model knows.
  var fields: [SamplingField] {
    SamplingField.all.filter { $0.name != "time_shift" || !isDiscrete }
  }

  /// The spacings that the model knows; all before it is there.
  static func spacings(_ model: ModelDescription?) -> [TimestepSpacing] {
    guard let model else { return TimestepSpacing.allCases }
    let isDiscrete = SamplingConditions(model: model).isDiscrete
    return isDiscrete
      ? [.respaced, .linspace, .trailing, .leading, .optimized] : [.linspace, .shifted]
  }

  /// All conditions.
  var all: [JSON] {
    guard let model else { return [] }
    return isDiscrete ? discrete(model) : flow(model)
  }

  /// Whether the model was trained on discrete steps, not as a flow.
  private var isDiscrete: Bool { model?.samplers.contains(.ddpm) ?? false }

  // MARK: - Discrete steps

  /// Optimized times are for few steps, and not whole. Samplers of several steps leave the first timestep.
  private func discrete(_ model: ModelDescription) -> [JSON] {
    let own = model.defaults.sampler
    let fractional = model.samplers.filter { ![.ddpm, .ddim].contains($0) }
    let others = fractional.filter { $0 != own }.map(\.name)
    let fewSteps = JSON.integers(1...50)
    var ways: [JSON] = [
      .members([("sampler", .choices(others)), ("steps", fewSteps.orNull)], required: ["sampler"])
    ]
    if fractional.contains(own) {
      let isMany = model.defaults.stepCount ?? 0 > 50
      ways.append(
        .members(
          [
            ("sampler", JSON.choices([own.name]).orNull),
            ("steps", isMany ? fewSteps : fewSteps.orNull),
          ], required: isMany ? ["steps"] : []))
    }
    let isOptimized = JSON.members(
      [("timestep_spacing", .choices(["optimized"]))], required: ["timestep_spacing"])
    let several = fractional.filter { ![.euler, .heun].contains($0) }
    return [
      .condition(isOptimized, .object([("anyOf", .array(ways))])),
      .condition(
        uses(several, model, and: ("steps", .integers(1000...1000))),
        .members(
          [("timestep_spacing", .choices(["respaced", "trailing"]))],
          required: ["timestep_spacing"])),
    ]
  }

  // MARK: - Flows

  /// Shifted times go with their shift. euler-sde has equal steps and a last one of its own.
  private func flow(_ model: ModelDescription) -> [JSON] {
    let shift = JSON.members([("time_shift", .type("number"))], required: ["time_shift"])
    let shifted = JSON.choices(["shifted"])
    return [
      .condition(
        .members([("timestep_spacing", shifted)], required: ["timestep_spacing"]), shift),
      .condition(shift, .members([("timestep_spacing", shifted.orNull)])),
      .condition(
        uses([.eulerSDE], model),
        .members([
          ("timestep_spacing", JSON.choices(["linspace"]).orNull), ("time_shift", .type("null")),
        ])),
      .condition(
        uses([.eulerSDE], model, and: ("steps", .integers(1...1))),
        .members([("last_step", .choices(["none"]))], required: ["last_step"])),
    ]
  }

  /// That a request uses one of some samplers, also where it names none, and another member fits.
  private func uses(
    _ samplers: [SamplingMethod], _ model: ModelDescription,
    and other: (key: String, value: JSON)? = nil
  ) -> JSON {
    let names = JSON.choices(samplers.map(\.name))
    let isDefault = samplers.contains(model.defaults.sampler)
    let others = [other].compactMap { $0 }
    return .members(
      [("sampler", isDefault ? names.orNull : names)] + others,
      required: (isDefault ? [] : ["sampler"]) + others.map(\.key))
  }
}

extension JSON {
  /// A schema that asks for one where another fits.
  fileprivate static func condition(_ condition: JSON, _ consequence: JSON) -> JSON {
    .object([("if", condition), ("then", consequence)])
  }

  /// A schema of some members; those that are not required may be missing.
  fileprivate static func members(
    _ properties: [(key: String, value: JSON)], required: [String] = []
  ) -> JSON {
    .object([
      ("properties", .object(properties)), ("required", .array(required.map(JSON.string))),
    ])
  }
}
