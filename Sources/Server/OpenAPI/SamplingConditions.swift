internal import Diffusion
internal import Files

/// Which values of sampling go together, as JSON Schema says it.
struct SamplingConditions {
  let model: ModelDescription?

  /// The fields that the model knows.
  var fields: [SamplingField] {
    SamplingField.all.filter { $0.name != "time_shift" || !isDiscrete }
  }

  /// Whether the model was trained on discrete steps, not as a flow.
  private var isDiscrete: Bool { model?.samplers.contains(.ddpm) ?? false }

  /// All conditions.
  var all: [JSON] {
    guard let model else { return [] }
    return isDiscrete ? discrete(model) : flow(model)
  }

  private func flow(_ model: ModelDescription) -> [JSON] {
    let shifted = SamplingConditions.given("timestep_spacing", .choices(["shifted"]))
    return [
      .condition(shifted, SamplingConditions.given("time_shift", .type("number"))),
      .condition(
        SamplingConditions.given("time_shift", .type("number")),
        SamplingConditions.given("timestep_spacing", .choices(["shifted"]), isOptional: true)),
    ]
  }

  private func discrete(_ model: ModelDescription) -> [JSON] { [] }

  /// That a member is there and fits a schema; if it is optional, that it fits or is missing.
  private static func given(_ name: String, _ schema: JSON, isOptional: Bool = false) -> JSON {
    .object([
      ("properties", .object([(name, isOptional ? schema.orNull : schema)])),
      ("required", .array(isOptional ? [] : [.string(name)])),
    ])
  }
}

extension JSON {
  /// A schema that asks for one where another fits.
  fileprivate static func condition(_ condition: JSON, _ consequence: JSON) -> JSON {
    .object([("if", condition), ("then", consequence)])
  }
}
