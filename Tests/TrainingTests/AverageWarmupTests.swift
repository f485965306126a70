internal import Foundation
internal import Models
internal import TestSupport
internal import Testing
internal import Torch

@testable internal import Training

/// The warm-up of the moving average: who decides, what it computes, and what a resumed run does.
@Suite struct AverageWarmupTests {
  private func trainer(
    _ stepCount: Int = 4, records: Bool = false, _ change: (inout TrainingConfig) -> Void = { _ in }
  ) throws -> Trainer {
    try goldenTrainer(GivenLatents(count: 16, rows: 4), stepCount: stepCount) {
      $0.batchSize = 4
      $0.recordsSteps = records
      change(&$0)
    }
  }

  private func values(_ tensors: [Tensor]) -> [[Float]] { tensors.map { $0.elements(Float.self) } }

  /// min(decay, (1 + n) / (10 + n)) for n = 1, 2, ...: 2/11, 3/12, ...
  @Test(arguments: [false, true]) func averagesByTheNumberOfTheStep(_ records: Bool) throws {
    for (decay, decays) in [
      (0.9999, [2.0 / 11, 3.0 / 12, 4.0 / 13]), (0.2, [2.0 / 11, 0.2, 0.2]),
    ] {
      let trainer = try trainer(records: records) {
        ($0.emaDecay, $0.emaWarmsUp) = (decay, true)
      }
      var expected = trainer.optimizer.parameters.map { $0.detached.cloned }
      for decay in decays {
        _ = try trainer.takeStep()
        expected = zip(expected, trainer.optimizer.parameters).map {
          $0 * decay + $1.detached * (1 - decay)
        }
      }
      for (average, wanted) in zip(trainer.optimizer.ema, expected) {
        #expect(relativeError(average, wanted) < Tolerance.float32)
      }
    }
  }

  @Test func isForRunsThatAreShortForTheirDecay() {
    var config = TrainingConfig()
    for (decay, count, isShort) in [
      (0.9999, 1500, true), (0.9999, 49_999, true), (0.9999, 50_001, false), (0.999, 4999, true),
      (0.999, 5001, false), (0, 4, true), (0, 6, false),
    ] {
      config.emaDecay = decay
      #expect(config.isShortForAverage(stepCount: count) == isShort, "\(decay), \(count)")
    }
    config.emaDecay = nil
    #expect(!config.isShortForAverage(stepCount: 1))
  }

  /// A trainer alone is told, so that the published recipe is the default.
  @Test func isLeftOutUnlessToldTo() throws {
    let (silent, told) = (try trainer(), try trainer { $0.emaWarmsUp = false })
    for trainer in [silent, told] { for _ in 0..<3 { _ = try trainer.takeStep() } }
    #expect(values(silent.optimizer.ema) == values(told.optimizer.ema))
    let record = try #require(try silent.state().ema)
    #expect(record.decay == 0.9999 && !record.warmsUp)
  }

  /// The share of the weights from before the first step is the product of all decays, also of a run
  /// that changes its warm-up.
  @Test(arguments: [false, true], [false, true])
  func keepsTheShareOfItsBeginning(_ first: Bool, _ then: Bool) throws {
    let decays: [Double] = [first ? 2 / 11 : 0.99, then ? 3 / 12 : 0.99, then ? 4 / 13 : 0.99]
    let share = decays.reduce(1, *)
    let before = try trainer { ($0.emaDecay, $0.emaWarmsUp) = (0.99, first) }
    #expect(try before.state().ema?.startShare == 1)
    _ = try before.takeStep()
    let next = try trainer { ($0.emaDecay, $0.emaWarmsUp) = (0.99, then) }
    try next.restore(try before.state(), sampleCount: 4)
    for _ in 0..<2 { _ = try next.takeStep() }
    #expect(abs((try next.state().ema?.startShare ?? 0) - share) < 1e-12)
  }

  /// Records of earlier versions have the last recipe alone.
  @Test func countsOnFromAnEarlierRecord() throws {
    let before = try trainer { ($0.emaDecay, $0.emaWarmsUp) = (0.9, false) }
    for _ in 0..<2 { _ = try before.takeStep() }
    var state = try before.state()
    state.ema?.startShare = nil
    let next = try trainer { ($0.emaDecay, $0.emaWarmsUp) = (0.9, false) }
    try next.restore(state, sampleCount: 8)
    #expect(abs((try next.state().ema?.startShare ?? 0) - 0.81) < 1e-12)
    state.ema = nil
    try next.restore(state, sampleCount: 8)
    #expect(try next.state().ema?.startShare == nil)
  }

  @Test func resumesAsItBegan() throws {
    for warmsUp in [true, false] {
      let first = try trainer { $0.emaWarmsUp = warmsUp }
      _ = try first.takeStep()
      let json = try JSONEncoder().encode(first.state())
      let state = try JSONDecoder().decode(TrainerState.self, from: json)
      for (given, expected) in [(nil, warmsUp), (true, true), (false, false)] as [(Bool?, Bool)] {
        let next = try trainer { $0.emaWarmsUp = given }
        try next.restore(state, sampleCount: 4)
        #expect(next.optimizer.emaWarmsUp == expected)
      }
    }
  }

  /// Earlier versions wrote nothing about the average, and did not warm up.
  @Test func resumesARunOfAnEarlierVersionWithoutIt() throws {
    var state = try trainer().state()
    state.ema = nil
    let json = String(decoding: try JSONEncoder().encode(state), as: UTF8.self)
    #expect(!json.contains("ema"))
    let next = try trainer()
    next.optimizer.emaWarmsUp = true
    try next.restore(
      try JSONDecoder().decode(TrainerState.self, from: Data(json.utf8)), sampleCount: 0)
    #expect(!next.optimizer.emaWarmsUp)
  }
}
