internal import Diffusion
internal import Files
internal import Pipeline

/// What a server can do, as the native API says it.
struct Capabilities {
  let model: ModelDescription
  let settings: ServerSettings

  /// All of it.
  var json: JSON {
    .object([
      (
        "model",
        .object([
          ("id", .string(model.name)), ("built_in", .bool(EmbeddedModel.isName(model.name))),
          ("image_size", .integer(model.imageSize)),
          ("classes", .integer(model.classNames.count)), ("precision", .string(model.precision)),
          ("device", .string(model.device)), ("created", .integer(model.loadTime)),
        ])
      ),
      (
        "defaults",
        .object(
          [("n", .integer(1)), ("seed", JobJSON.seed(model.defaultSeed))]
            + SamplingField.all.map { ($0.name, $0.standard(model)) })
      ),
      (
        "samplers",
        .array(
          model.samplers.map { sampler in
            .object([
              ("name", .string(sampler.name)),
              ("steps", sampler.defaultStepCount.map(JSON.integer) ?? .null),
              ("options", .array(Capabilities.options(of: sampler).map(JSON.string))),
            ])
          })
      ),
      (
        "options",
        .object(
          SamplingField.all.map { field in
            (
              field.name,
              field.values(model).with("default", field.standard(model)).described(field.summary)
            )
          })
      ),
      (
        "limits",
        .object([
          ("images_per_job", .integer(model.imageLimit)), ("queue", .integer(model.queueLimit)),
          ("batch", .integer(model.batchSize)), ("body_bytes", .integer(settings.bodyLimit)),
        ])
      ),
      ("formats", .array(ImageFormat.allCases.map { .string($0.rawValue) })),
    ])
  }

  /// The names of the fields that a sampler reads.
  static func options(of sampler: SamplingMethod) -> [String] {
    let own = SamplerOptions.Key.allCases.filter(sampler.options.contains).map(\.rawValue)
    return own
      + (sampler.defaultStepCount == nil ? [] : ["steps", "timestep_spacing", "time_shift"])
  }
}
