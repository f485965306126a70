internal import Torch

// R rows, T tokens, D width.

/// Forecasts what the blocks of a network add to its tokens, from steps that computed it.
///
/// Source: TaylorSeer, Liu et al. 2025. The first two steps compute all blocks, then every `interval`th;
/// between them the features are extrapolated over the number of the step. Embedding, final layer and
/// their modulation are computed at each step.
///
/// The published code extrapolates the output of each attention and MLP. But tokens are a sum: after the
/// last block they are the embedding plus each output times its gate. Extrapolation is linear, so that of
/// the sum is the sum of those of the gated outputs, and one tensor for each kept step serves for all
/// blocks.
///
/// The published code also puts nested differences of the last three features, over the last distance
/// between them, into a Taylor polynomial. That is exact for straight lines alone. Here the polynomial
/// goes through the three features (Newton's backward differences, of second order).
final class BlockForecast {
  /// The order of the polynomial.
  private static let order = 2
  /// The most tensors of the tokens' shape at once: one for each kept step, the embedding, and the new
  /// features.
  static let tensorCount = order + 3

  private let interval: Int
  private var kept: [(step: Int, change: Tensor)] = []  // latest first
  private var step = -1
  private var time: Double?
  private var rowCount = 0

  /// Starts a run; nil if the cache is off.
  init?(_ cache: FeatureCache) {
    guard case .taylor(let interval) = cache else { return nil }
    self.interval = interval
  }

  /// Begins a step.
  ///
  /// - Parameters:
  ///   - time: another one than that of the step before, unless that step is taken again.
  ///   - rowCount: R. With another number than before, the forecasts start anew.
  /// - Returns: what the blocks will add, `[R, T, D]`, float32; nil if the step has to compute it.
  func change(at time: Double, rowCount: Int) -> Tensor? {
    if rowCount != self.rowCount {
      (kept, step, self.time) = ([], -1, nil)
      self.rowCount = rowCount
    }
    if time != self.time { step += 1 }
    self.time = time
    guard step > 1, !(step - 1).isMultiple(of: interval) else { return nil }
    var change: Tensor?
    for (index, (place, features)) in kept.enumerated() {
      let others = kept.enumerated().filter { $0.offset != index }.map { $0.element.step }
      let weight = others.reduce(1.0) { $0 * Double(step - $1) / Double(place - $1) }
      change = change.map { $0 + features * weight } ?? features * weight
    }
    return change
  }

  /// Keeps what the blocks have added in this step, `[R, T, D]`, float32.
  func keep(_ change: Tensor) {
    guard !hasTorchErrors else { return }
    kept = [(step, change)] + kept.filter { $0.step != step }.prefix(Self.order)
  }
}
