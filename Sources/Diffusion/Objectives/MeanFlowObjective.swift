public import Torch

// N batch, C channels, H W image; s: times, h: spans, y: classes, [N].

/// Predicts the average velocity from time s to time s + h: noised latents `[N, C, H, W]`, s and h float32, y
/// int64 with the null class, to `[N, C, H, W]`.
public typealias AverageVelocity = (_ x: Tensor, _ s: Tensor, _ h: Tensor, _ y: Tensor) throws ->
  Tensor

/// The loss of an average velocity on the linear path, in SiT's scale of times: noise at 0, data at 1.
///
/// Source: Geng et al. 2025 (MeanFlow), equations 6, 10 and 11, and appendix B.1 for guidance in the target. The
/// paper's times run the other way, from data to noise.
public struct MeanFlowObjective: Sendable {
  private let settings: MeanFlowSettings

  /// The objective; by default with the settings of the published code.
  public init(_ settings: MeanFlowSettings = MeanFlowSettings()) { self.settings = settings }

  /// The loss of one batch.
  ///
  /// - Parameters:
  ///   - x0: clean latents, `[N, C, H, W]`
  ///   - noise: standard normal, `[N, C, H, W]`
  ///   - times: s, 0 ... 1.
  ///   - spans: h, 0 ... 1 - s; with 0 a row learns the velocity at s.
  ///   - labels: classes.
  ///   - isDropped: rows that learn the null class, without guidance, bool.
  ///   - nullClass: the number of the null class.
  ///   - network: the model; also differentiated in forward mode, so without operators that lack it.
  /// - Returns: the loss; the squared error is that to the target, before weighting.
  /// - Throws: what `network` throws; `TorchError`.
  public func loss(
    x0: Tensor, noise: Tensor, times: Tensor, spans: Tensor, labels: Tensor, isDropped: Tensor,
    nullClass: Int, network: AverageVelocity
  ) throws -> TrainingLoss {
    let null = Tensor.full([1], Double(nullClass), dtype: .int64, device: labels.device)
    let given = isDropped.select(null, else: labels)
    let (x, target) = try withoutGradients {
      let s = MeanFlowObjective.column(times)
      let x = x0 * s + noise * (-s + 1)
      var velocity = x0 - noise
      if settings.isGuided {
        let guided = try self.guided(velocity, at: x, times, labels, null, network)
        velocity = MeanFlowObjective.column(isDropped).select(velocity, else: guided)
      }
      return (x, try self.target(velocity, at: x, times, spans, given, network))
    }
    let error = (try network(x, times, spans, given) - target).squared
    let axes = Array(1..<error.rank)
    let sum = error.sum(axes: axes)
    let weight = withoutGradients {
      (sum.detached + settings.weightOffset).power(-settings.weightPower)
    }
    return TrainingLoss(
      squaredError: error.mean(axes: axes), variationalBound: nil, total: (sum * weight).mean())
  }

  /// u + h du/ds at the end that stays, the right side of the MeanFlow identity, `[N, C, H, W]`.
  private func target(
    _ velocity: Tensor, at x: Tensor, _ times: Tensor, _ spans: Tensor, _ labels: Tensor,
    _ network: AverageVelocity
  ) throws -> Tensor {
    // Where h is 0 the target is the velocity, and the derivative would go unused.
    let rows = spans.to(.cpu).to(.float64).elements(Double.self).enumerated()
      .filter { $0.element > 0 }.map { Int64($0.offset) }
    guard !rows.isEmpty else { return velocity }
    let indices = Tensor(rows).to(x.device)
    func own(_ all: Tensor) -> Tensor { all.gathered(indices) }
    let (labels, h) = (own(labels), own(spans))
    let one = Tensor.full([rows.count], 1, device: x.device)
    let slope = try directionalDerivative(
      of: { try network($0[0], $0[1], $0[2], labels) }, at: [own(x), own(times), h],
      along: [own(velocity), one, -one]
    ).derivative
    return velocity.addingRows(slope * MeanFlowObjective.column(h), at: indices)
  }

  /// ω v + κ u(x, s, 0 | y) + (1 - ω - κ) u(x, s, 0), the velocity of guidance, `[N, C, H, W]`.
  private func guided(
    _ velocity: Tensor, at x: Tensor, _ times: Tensor, _ labels: Tensor, _ null: Tensor,
    _ network: AverageVelocity
  ) throws -> Tensor {
    let (scale, mixing) = (settings.guidanceScale, settings.guidanceMixing)
    let none = times * 0
    var guided = velocity * scale
    let parts = [(mixing, labels), (1 - scale - mixing, null.expanded(to: [x.size(0)]))]
    for (weight, labels) in parts where weight != 0 {
      let own = try network(x, times, none, labels)
      guided = guided + own * weight
    }
    return guided
  }

  /// `[N]` as `[N, 1, 1, 1]`.
  private static func column(_ values: Tensor) -> Tensor { values.reshaped([-1, 1, 1, 1]) }
}
