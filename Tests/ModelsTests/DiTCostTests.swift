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
}
