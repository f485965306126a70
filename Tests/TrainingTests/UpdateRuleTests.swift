internal import Testing
internal import Torch

@testable internal import Training

@Suite struct UpdateRuleTests {
  private func decision(
    norm: Double, loss: Double = 1, lossScale: Double = 1, maximumNorm: Double? = 1,
    skipsOverflow: Bool = true
  ) -> UpdateRule.Decision {
    var config = TrainingConfig()
    config.maximumGradientNorm = maximumNorm
    config.skipsOverflow = skipsOverflow
    func scalar(_ value: Double) -> Tensor { .full([], value, dtype: .float64) }
    return UpdateRule(config)(
      scaledNorm: scalar(norm), loss: scalar(loss), lossScale: scalar(lossScale))
  }

  /// Float64 scalars give the bits of the same formula in Swift.
  @Test(arguments: [1e-9, 0.3, 0.999999, 1, 1.7, 12345.678, 1e300, .infinity], [1, 3, 65536.0])
  func clipsToTheLastBit(_ norm: Double, _ scale: Double) throws {
    let decision = decision(norm: norm, lossScale: scale, maximumNorm: 0.7)
    let unscaled = norm / scale
    #expect(decision.norm.item == unscaled)
    #expect(try #require(decision.clipping).item == min(1, 0.7 / (unscaled + 1e-6)))
  }

  @Test func doesNotClipWithoutALargestNorm() {
    #expect(decision(norm: 7, maximumNorm: nil).clipping == nil)
  }

  @Test func skipsWhatIsNotFinite() throws {
    #expect(decision(norm: 2).skipUpdate.item == 0)
    #expect(decision(norm: 2, loss: .nan).skipUpdate.item == 1)
    #expect(decision(norm: .infinity).skipUpdate.item == 1)
    #expect(decision(norm: .infinity, skipsOverflow: false).skipUpdate.item == 0)
    #expect(decision(norm: 2, loss: .infinity, skipsOverflow: false).skipUpdate.item == 1)
    // As Swift's `min` has it.
    let clipping = decision(norm: .nan, skipsOverflow: false).clipping
    #expect(try #require(clipping).item == 1)
  }
}
