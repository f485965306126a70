internal import Models
internal import Testing

@Suite struct DiTCostTests {
  // Peebles & Xie 2023, table 4 ("Gflops" at 256 x 256 pixels).
  @Test(arguments: [
    (DiTPreset.s8, 0.36), (.s4, 1.41), (.s2, 6.06), (.b8, 1.42), (.b4, 5.56), (.b2, 23.01),
    (.l8, 5.01), (.l4, 19.70), (.l2, 80.71), (.xl8, 7.39), (.xl4, 29.05), (.xl2, 118.64),
  ]) func agreesWithThePaper(preset: DiTPreset, expected: Double) {
    let cost = preset.config(inputSize: 32).multiplyAddCount / 1e9
    #expect(abs(cost - expected) < 0.01 * expected, "\(cost)")
  }

  // The closed form for blocks with four linear layers, in the paper's notation.
  @Test(arguments: [(16, 2), (256, 4)]) func sumsTheCostsOfTheLayers(tokens: Int, ratio: Int) {
    let grid = Int(Double(tokens).squareRoot())
    let config = DiTConfig(
      inputSize: 2 * grid, channelCount: 3, patchSize: 2, hiddenSize: 24, depth: 5, headCount: 3,
      mlpRatio: ratio, classCount: 7, learnsVariance: false)
    let (t, d) = (Double(tokens), 24.0)
    let block = t * d * d * Double(4 + 2 * ratio) + 2 * t * t * d + 6 * d * d
    let ends = t * d * 12 + 256 * d + d * d + t * d * 12 + 2 * d * d
    #expect(config.multiplyAddCount == 5 * block + ends)
  }
}
