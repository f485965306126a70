public import Torch

/// AdamW with the moving average of the weights (Loshchilov & Hutter 2019, algorithm 2).
///
/// The state may be divided among several ranks: each updates an equal part of the elements and sends
/// it to the others (Rajbhandari et al. 2020, section 5.1, ZeRO stage 1).
public final class AdamW {
  /// Names of the trained parameters, in the order of the model.
  public let names: [String]
  /// The trained parameters.
  public let parameters: [Tensor]
  /// First moments: one per parameter, or per piece of this rank's partition.
  public let firstMoments: [Tensor]
  /// Second moments, in the order of the first.
  public let secondMoments: [Tensor]
  /// Moving averages, in the order of the moments; empty without an average.
  public let ema: [Tensor]
  /// Whether there is a moving average.
  public var hasEMA: Bool { config.emaDecay != nil }
  /// Whether the average follows faster at first.
  public internal(set) var emaWarmsUp: Bool
  /// Whether the state is divided among ranks.
  public var isSharded: Bool { partition != nil }
  /// Steps taken.
  public private(set) var stepCount = 0
  /// The share of the average that is still the weights from before the first step: the product of its
  /// decays so far; nil if a run of an earlier version does not say.
  private var emaStartShare: Double? = 1

  private let weightDecays: [Double]
  private let config: AdamWConfig
  private let parallel: DataParallel
  private let partition: ZeROPartition?
  /// The parameters, or pieces of them, that this rank updates.
  private let updated: [Tensor]

  /// An optimizer before its first step; averages start as copies of the parameters.
  public init(
    _ named: [(name: String, tensor: Tensor)], config: AdamWConfig,
    parallel: DataParallel = DataParallel(nil)
  ) {
    names = named.map(\.name)
    parameters = named.map(\.tensor)
    self.config = config
    emaWarmsUp = config.emaWarmsUp
    self.parallel = parallel
    let partition =
      config.isSharded && parallel.count > 1
      ? ZeROPartition(
        counts: parameters.map(\.count), rank: parallel.rank, rankCount: parallel.count) : nil
    self.partition = partition
    let updated = AdamW.parts(of: parameters, partition)
    self.updated = updated
    firstMoments = updated.map { .zeros($0.shape, device: $0.device) }
    secondMoments = updated.map { .zeros($0.shape, device: $0.device) }
    ema = config.emaDecay == nil ? [] : withoutGradients { updated.map(\.cloned) }
    let decays = named.map { config.decayGroups.covers($0.name) ? config.weightDecay : 0 }
    weightDecays = partition?.own.map { decays[$0.index] } ?? decays
  }

  /// The elements that this rank updates, of one tensor per parameter.
  private static func parts(of tensors: [Tensor], _ partition: ZeROPartition?) -> [Tensor] {
    guard let partition else { return tensors }
    return withoutGradients {
      partition.own.map { tensors[$0.index].detached.flattened()[$0.elements] }
    }
  }

  /// The gradients of the last backward pass; zeros for parameters without one.
  public func gradients() -> [Tensor] {
    parameters.map { $0.gradient?.contiguous ?? .zeros($0.shape, device: $0.device) }
  }

  /// Takes a step and discards the gradients.
  ///
  /// - Parameters:
  ///   - gradients: from `gradients()`.
  ///   - learningRate: of this step.
  ///   - lossScale: divides the gradients.
  ///   - clipping: multiplies the gradients, at most 1.
  /// - Throws: `LaunchError` if a rank that updates a part is lost.
  public func step(
    _ gradients: [Tensor], learningRate: Double, lossScale: Double = 1, clipping: Double = 1
  ) throws {
    let next = nextStep(learningRate: learningRate, lossScale: lossScale, clipping: clipping)
    countStep()
    withoutGradients {
      adamWInPlace(slots(AdamW.parts(of: gradients, partition)), coefficients, step: next)
    }
    discardGradients()
    if let partition {
      let flat = withoutGradients { parameters.map { $0.detached.flattened() } }
      try parallel.send(
        partition.all.map { flat[$0.piece.index][$0.piece.elements] },
        from: partition.all.map(\.owner))
    }
  }

  /// Takes a step with numbers on the device, in one process; not counted.
  func step(_ gradients: [Tensor], _ step: AdamWStep<Tensor>) {
    adamWInPlace(slots(gradients), coefficients, step: step)
  }

  /// The numbers of the next step.
  public func nextStep(
    learningRate: Double, lossScale: Double = 1, clipping: Double = 1
  ) -> AdamWStep<Double> {
    AdamWStep(
      learningRate: learningRate, number: Double(stepCount + 1), lossScale: lossScale,
      clipping: clipping, emaWeight: 1 - emaDecay(at: stepCount + 1), skipUpdate: 0)
  }

  private var coefficients: AdamWCoefficients {
    AdamWCoefficients(beta1: config.beta1, beta2: config.beta2, epsilon: config.epsilon)
  }

  /// The parameters, or pieces, of this rank with their state and gradients.
  private func slots(_ gradients: [Tensor]) -> [OptimizerSlot] {
    updated.indices.map {
      OptimizerSlot(
        parameter: updated[$0], gradient: gradients[$0], firstMoment: firstMoments[$0],
        secondMoment: secondMoments[$0], ema: hasEMA ? ema[$0] : nil,
        weightDecay: weightDecays[$0])
    }
  }

  /// Counts a step; the caller takes it, or has recorded it.
  func countStep() {
    stepCount += 1
    emaStartShare = emaStartShare.map { $0 * emaDecay(at: stepCount) }
  }

  /// Gathers moments or averages from all ranks, one parameter at a time. All ranks call it together.
  ///
  /// - Parameters:
  ///   - parts: `firstMoments`, `secondMoments` or `ema`.
  ///   - body: called with each parameter's name and tensor.
  /// - Throws: `LaunchError` if a rank that has a part is lost.
  public func forEachWhole(
    of parts: [Tensor], _ body: (_ name: String, _ whole: Tensor) throws -> Void
  ) throws {
    guard let partition else {
      for (name, tensor) in zip(names, parts) { try body(name, tensor) }
      return
    }
    for (index, parameter) in parameters.enumerated() {
      let whole = Tensor.empty(parameter.shape, device: parameter.device)
      let flat = whole.flattened()
      withoutGradients {
        for (piece, part) in zip(partition.own, parts) where piece.index == index {
          flat[piece.elements].copyInPlace(from: part)
        }
      }
      let pieces = partition.all.filter { $0.piece.index == index }
      try parallel.send(pieces.map { flat[$0.piece.elements] }, from: pieces.map(\.owner))
      try body(names[index], whole)
    }
  }

  /// Copies this rank's elements out of one parameter's gathered moments or averages.
  public func copy(_ whole: Tensor, ofParameter index: Int, to parts: [Tensor]) {
    withoutGradients {
      guard let partition else { return parts[index].copyInPlace(from: whole) }
      let flat = whole.flattened()
      for (piece, part) in zip(partition.own, parts) where piece.index == index {
        part.copyInPlace(from: flat[piece.elements])
      }
    }
  }

  /// Discards the gradients.
  public func discardGradients() {
    for parameter in parameters { parameter.gradient = nil }
  }

  /// Continues counting from an earlier run.
  ///
  /// - Parameters:
  ///   - stepCount: the steps that it took.
  ///   - emaStartShare: the share of its average that is still the weights from before the first of them;
  ///     nil if that is not known.
  public func restore(stepCount: Int, emaStartShare: Double? = nil) {
    self.stepCount = stepCount
    self.emaStartShare = emaStartShare
  }

  /// What a checkpoint keeps of the moving average's recipe; nil without one.
  var emaRecord: TrainerState.Average? {
    config.emaDecay.map {
      TrainerState.Average(decay: $0, warmsUp: emaWarmsUp, startShare: emaStartShare)
    }
  }

  /// The share of the moving average that stays at a step, counted from 1.
  private func emaDecay(at step: Int) -> Double {
    let decay = config.emaDecay ?? 0
    guard emaWarmsUp else { return decay }
    return min(decay, Double(1 + step) / Double(10 + step))
  }
}
