public import Torch

/// A way from noise to data, with the state of one run.
///
/// It sees nothing of the model but predictions at times. A copy keeps its own state, so a step that
/// failed can be taken again.
public protocol Sampler: SendableMetatype {
  /// The number of steps that gives good images; nil if the sampler chooses its steps itself.
  static var defaultStepCount: Int? { get }
  /// The spacing of times that suits a number of discrete steps.
  static func spacing(forSteps stepCount: Int) -> TimestepSpacing
  /// The form of the spacing.
  static var gridConvention: GridConvention { get }
  /// Whether it can go along a path.
  static func fits(_ path: any ProbabilityPath) -> Bool
  /// The options that it reads.
  static var options: Set<SamplerOptions.Key> { get }

  /// The times of the steps, from noise to data, one more than there are steps.
  ///
  /// - Throws: `DiffusionError` for a number of steps or options that do not fit the path.
  static func times(
    _ stepCount: Int, on path: any ProbabilityPath, options: SamplerOptions
  ) throws(DiffusionError) -> [Double]

  /// A sampler at the start of its run.
  ///
  /// - Parameters:
  ///   - path: what the model was trained on.
  ///   - times: from noise to data.
  ///   - options: its own are those in `options`.
  /// - Throws: `DiffusionError` for a path or times that it is not for.
  init(path: any ProbabilityPath, times: [Double], options: SamplerOptions) throws(DiffusionError)

  /// The number of steps; nil if it is not known beforehand.
  var stepCount: Int? { get }
  /// The time of each call of the network, in order; nil if they are not known beforehand.
  var networkTimes: [Double]? { get }
  /// The time that the next step starts from; nil after the last step.
  var time: Double? { get }

  /// Takes the next step.
  ///
  /// - Parameters:
  ///   - x: the latents at `time`, `[N, C, H, W]`
  ///   - predict: asks the network, any number of times.
  ///   - noise: draws fresh standard normal noise, `[N, C, H, W]`
  /// - Returns: the latents at the new `time`, `[N, C, H, W]`
  mutating func step(_ x: Tensor, _ predict: Predictor, noise: () -> Tensor) -> Tensor

  /// Goes on with some of the images, for a sampler that remembers tensors of all.
  ///
  /// - Parameter rows: their places in the latents, `[M]`, int64.
  mutating func keep(_ rows: Tensor)
}

extension Sampler {
  /// None.
  public static var options: Set<SamplerOptions.Key> { [] }
  public static func fits(_ path: any ProbabilityPath) -> Bool { true }
  public mutating func keep(_ rows: Tensor) {}

  /// The times of the spacing that is chosen, or of the sampler's own.
  public static func times(
    _ stepCount: Int, on path: any ProbabilityPath, options: SamplerOptions
  ) throws(DiffusionError) -> [Double] {
    let spacing =
      options.timestepSpacing ?? spacing(forSteps: stepCount, onFlow: !(path is NoiseSchedule))
    return try spacing.grid(gridConvention, shift: options.timeShift).times(stepCount, on: path)
  }

  /// The spacing of times that suits a number of steps: on a flow always equal distances.
  static func spacing(forSteps stepCount: Int, onFlow isFlow: Bool) -> TimestepSpacing {
    isFlow ? .linspace : spacing(forSteps: stepCount)
  }
}

/// A sampler whose times are known beforehand and that, unless it says otherwise, asks the network
/// once a step.
protocol GridSampler: Sampler {
  /// The times and where the run stands.
  var steps: TimeSteps { get }
}

extension GridSampler {
  public var stepCount: Int? { steps.count }
  public var networkTimes: [Double]? { steps.times.dropLast() }
  public var time: Double? { steps.isDone ? nil : steps.time }
}

/// A walk along a grid of times.
struct TimeSteps {
  /// From noise to data, one more than there are steps.
  let times: [Double]
  /// The steps taken.
  private(set) var index = 0

  init(_ times: [Double]) { self.times = times }

  var count: Int { times.count - 1 }
  var isDone: Bool { index == count }
  var time: Double { times[index] }
  var nextTime: Double { times[index + 1] }

  mutating func advance() { index += 1 }
}
