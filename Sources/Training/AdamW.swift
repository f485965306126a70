public import Torch

/// AdamW with the moving average of the weights (Loshchilov & Hutter 2019, algorithm 2).
public final class AdamW {
  /// Names of the trained parameters, in the order of the model.
  public let names: [String]
  /// The trained parameters.
  public let parameters: [Tensor]
  /// First moments, one for each parameter.
  public let firstMoments: [Tensor]
  /// Second moments, one for each parameter.
  public let secondMoments: [Tensor]
  /// Moving averages of the parameters; empty for none.
  public let averages: [Tensor]
  /// Steps taken.
  public private(set) var stepCount = 0

  private let weightDecays: [Double]
  private let config: TrainingConfig

  /// An optimizer at its beginning; averages start as copies.
  public init(_ named: [(name: String, tensor: Tensor)], config: TrainingConfig) {
    names = named.map(\.name)
    parameters = named.map(\.tensor)
    self.config = config
    firstMoments = parameters.map { .zeros($0.shape, device: $0.device) }
    secondMoments = parameters.map { .zeros($0.shape, device: $0.device) }
    averages = config.averageDecay == nil ? [] : withoutGradients { named.map(\.tensor.cloned) }
    weightDecays = named.map { config.decayGroups.covers($0.name) ? config.weightDecay : 0 }
  }

  /// The gradients as `backward` left them; zeros where there are none.
  public func gradients() -> [Tensor] {
    parameters.map { $0.gradient?.contiguous ?? .zeros($0.shape, device: $0.device) }
  }

  /// Takes a step and lets go of the gradients.
  ///
  /// - Parameters:
  ///   - gradients: of `gradients()`.
  ///   - learningRate: of this step.
  ///   - gradientScale: what gradients are multiplied by first.
  public func step(_ gradients: [Tensor], learningRate: Double, gradientScale: Double) {
    stepCount += 1
    withoutGradients {
      adamWInPlace(
        parameters, gradients: gradients, firstMoments: firstMoments, secondMoments: secondMoments,
        averages: averages, weightDecays: weightDecays,
        step: AdamWStep(
          learningRate: learningRate, beta1: config.beta1, beta2: config.beta2,
          epsilon: config.epsilon, number: stepCount, gradientScale: gradientScale,
          averageDecay: averageDecay))
    }
    discardGradients()
  }

  /// Lets go of the gradients.
  public func discardGradients() {
    for parameter in parameters { parameter.gradient = nil }
  }

  /// Goes on from the state of an earlier run.
  public func restore(stepCount: Int) { self.stepCount = stepCount }

  private var averageDecay: Double {
    let decay = config.averageDecay ?? 0
    guard config.averageWarmsUp else { return decay }
    return min(decay, Double(1 + stepCount) / Double(10 + stepCount))
  }
}
