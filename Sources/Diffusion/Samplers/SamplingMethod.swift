/// A sampler by name: the registry that options, files and reports choose from.
public struct SamplingMethod: Sendable {
  /// All methods. A sampler that is listed here can be chosen everywhere.
  public static let all: [SamplingMethod] = [
    .ddpm,
    .ddim,
    .euler,
    .heun,
    .unipc,
    .dpm2M,
    .dpm3M,
    .dpm2MSDE,
    .dopri5,
    .eulerSDE,
    .meanFlow,
  ]

  /// The name in options and files.
  public let name: String
  private let sampler: any Sampler.Type

  /// A method; sampler files declare one each. One of your own is not found by its name.
  public init(_ name: String, _ sampler: any Sampler.Type) {
    self.name = name
    self.sampler = sampler
  }

  /// The method of a name; nil for an unknown name.
  public init?(named name: String) {
    guard let method = SamplingMethod.all.first(where: { $0.name == name }) else { return nil }
    self = method
  }

  /// The steps taken unless a number is given; nil if the sampler chooses its steps itself.
  public var defaultStepCount: Int? { sampler.defaultStepCount }

  /// The spacing of times for a number of steps, discrete ones or on a flow, unless one is chosen.
  public func defaultSpacing(
    forSteps stepCount: Int, onFlow isFlow: Bool = false
  ) -> TimestepSpacing {
    sampler.spacing(forSteps: stepCount, onFlow: isFlow)
  }

  /// The methods that can go along a path.
  public static func fitting(_ path: any ProbabilityPath) -> [SamplingMethod] {
    all.filter { $0.sampler.fits(path) }
  }

  /// The options that it reads, besides the spacing.
  public var options: Set<SamplerOptions.Key> { sampler.options }

  /// Whether it knows its times on a path beforehand, and asks the network once in each step.
  public func asksOnceAStep(on path: any ProbabilityPath) -> Bool {
    guard let sampler = try? makeSampler(on: path, stepCount: 4),
      let times = sampler.networkTimes
    else { return false }
    return times.count == sampler.stepCount
  }

  /// A sampler at the start of its run, over its own grid of times.
  ///
  /// - Parameters:
  ///   - path: what the model was trained on.
  ///   - stepCount: the number of steps, 1 or more; nil for the default.
  ///   - options: the sampler's options.
  /// - Returns: the sampler before its first step.
  /// - Throws: `DiffusionError` for an unsuitable number of steps or path.
  public func makeSampler(
    on path: any ProbabilityPath, stepCount: Int? = nil, options: SamplerOptions = SamplerOptions()
  ) throws(DiffusionError) -> any Sampler {
    guard sampler.fits(path) else {
      let fitting = SamplingMethod.fitting(path).map(\.name).joined(separator: ", ")
      throw DiffusionError(
        .path, "the sampler \(name) does not fit this model; those that do are \(fitting)")
    }
    let times =
      try (stepCount ?? defaultStepCount).map { count throws(DiffusionError) in
        try sampler.times(count, on: path, options: options)
      }
      ?? [path.noiseTime, path.dataTime]
    return try sampler.init(path: path, times: times, options: options)
  }
}

extension SamplingMethod: Hashable {
  public static func == (a: SamplingMethod, b: SamplingMethod) -> Bool { a.name == b.name }
  public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

extension SamplingMethod: CustomStringConvertible {
  /// The name.
  public var description: String { name }
}

extension SamplingMethod: Codable {
  /// Reads a name.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let name = try container.decode(String.self)
    guard let method = SamplingMethod(named: name) else {
      let known = SamplingMethod.all.map(\.name).joined(separator: ", ")
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "unknown sampler '\(name)'; known are \(known)")
    }
    self = method
  }

  /// Writes the name.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(name)
  }
}
