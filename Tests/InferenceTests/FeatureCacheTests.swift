internal import Layers
internal import Models
internal import TestSupport
internal import Testing
internal import Torch

@testable internal import Inference

@Suite struct FeatureCacheTests {
  @Test(arguments: [
    ("none", FeatureCache.off), ("taylor:1", .taylor(interval: 1)),
    ("Taylor:12", .taylor(interval: 12)),
  ])
  func readsItsNames(_ text: String, _ cache: FeatureCache) {
    #expect(FeatureCache(text) == cache)
    #expect(FeatureCache(cache.description) == cache)
  }

  @Test(
    arguments: [
      "", "taylor", "taylor:", "taylor:0", "taylor:-1", "taylor:1.5", "taylor:101", "fora:2",
    ])
  func refusesOtherNames(_ text: String) { #expect(FeatureCache(text) == nil) }

  /// The steps that compute the network, out of 12.
  @Test(arguments: [
    (1, Array(0..<12)), (2, [0, 1, 3, 5, 7, 9, 11]), (3, [0, 1, 4, 7, 10]), (4, [0, 1, 5, 9]),
    (100, [0, 1]),
  ])
  func computesEachNthStepAfterTwo(_ interval: Int, _ expected: [Int]) throws {
    let forecast = try #require(BlockForecast(.taylor(interval: interval)))
    var computed: [Int] = []
    for step in 0..<12 {
      guard forecast.change(at: Double(-step), rowCount: 1) == nil else { continue }
      computed.append(step)
      forecast.keep(.full([1, 2, 3], 1))
    }
    #expect(computed == expected)
  }

  /// What two steps tell is a line, what three tell a parabola.
  @Test(arguments: [2, 3, 4]) func isExactForAParabola(_ interval: Int) throws {
    let forecast = try #require(BlockForecast(.taylor(interval: interval)))
    let factors = Tensor.randn([3, 2, 4, 5], generator: try Generator(seed: 1))
    var kept = 0
    for step in 0..<20 {
      let x = Double(step)
      let features = factors[0] + factors[1] * x + factors[2] * (x * x)
      if let change = forecast.change(at: 1000 - x, rowCount: 2) {
        #expect(kept < 3 || relativeError(change, features) < Tolerance.float32, "step \(step)")
      } else {
        forecast.keep(features)
        kept += 1
      }
    }
  }

  @Test func startsAnewWithOtherRows() throws {
    let forecast = try #require(BlockForecast(.taylor(interval: 4)))
    let rows = [2, 2, 2, 4, 4, 4, 2, 2, 2]
    let isComputed = rows.enumerated().map { step, count in
      guard let change = forecast.change(at: Double(-step), rowCount: count) else {
        forecast.keep(.full([count, 1, 1], Double(step)))
        return true
      }
      #expect(change.shape == [count, 1, 1])
      // The line through the two steps before.
      #expect(abs(change.max().item - Double(step)) < 1e-5)
      return false
    }
    #expect(isComputed == [true, true, false, true, true, false, true, true, false])
  }

  /// A step whose sampler failed is taken again.
  @Test func takesAStepAgain() throws {
    let forecast = try #require(BlockForecast(.taylor(interval: 3)))
    for step in 0..<5 {
      for _ in 0..<2 {
        let change = forecast.change(at: Double(-step), rowCount: 1)
        #expect((change == nil) == [true, true, false, false, true][step])
        if let change {
          #expect(abs(change.max().item - Double(step)) < 1e-5)
        } else {
          forecast.keep(.full([1, 1, 1], Double(step)))
        }
      }
    }
  }

  private static let times = [999.0, 850, 700, 550.5, 400, 250, 100]

  private func runner(_ values: GoldenValues, _ mode: ExecutionMode) throws -> any DiTRunner {
    let weights = values.weights
    return try makeRunner(mode, try values.config.model, precision: .fp32, device: .cpu) {
      ParameterStore(.load(weights))
    }
  }

  /// The model as written, with what the blocks add extrapolated by hand.
  @Test(arguments: ["dit-even", "dit-odd"], ExecutionMode.allCases)
  func addsWhatTheBlocksWouldAdd(_ name: String, _ mode: ExecutionMode) throws {
    let values = try GoldenValues(name)
    let config = try values.config.model
    let weights = values.weights
    let model = DiT(config, at: ParameterStore(.load(weights)).root)
    let labels = [1, config.classCount]
    let y = Tensor(labels)
    let size = config.inputSize
    let generator = try Generator(seed: 5)
    let network = try runner(values, mode).bind(
      labels: labels, times: Self.times, cache: .taylor(interval: 3))
    var changes: [Tensor] = []
    for (step, time) in Self.times.enumerated() {
      let x = Tensor.randn([2, config.channelCount, size, size], generator: generator)
      let t = Tensor.full([2], time)
      var (tokens, last): (Tensor?, Tensor?)
      let computed = model(x, t: t, y: y) { index, x, c, block in
        if index == 0 { tokens = x }
        last = block(x, c)
        return last ?? x
      }
      let output = network(x, time)
      if [0, 1, 4].contains(step) {
        #expect(relativeError(output, computed) < Tolerance.float32, "step \(step)")
        changes.append(try #require(last) - #require(tokens))
        continue
      }
      let n = Double(step)
      let change =
        step < 4
        ? changes[1] * n - changes[0] * (n - 1)
        : changes[0] * ((n - 1) * (n - 4) / 4) - changes[1] * (n * (n - 4) / 3)
          + changes[2] * (n * (n - 1) / 12)
      let expected = model(x, t: t, y: y) { index, x, _, _ in index == 0 ? x + change : x }
      #expect(relativeError(output, expected) < Tolerance.float32, "step \(step)")
      #expect(relativeError(output, computed) > 1e-3, "step \(step)")
    }
  }

  @Test(arguments: ExecutionMode.allCases, [true, false])
  func isExactWithoutStepsBetween(_ mode: ExecutionMode, isGuided: Bool) throws {
    let runner = try runner(try GoldenValues("dit-even"), mode)
    let x = Tensor.randn([2, 4, 8, 8], generator: try Generator(seed: 1))
    let cached = runner.bind(labels: [1, 7], times: Self.times, cache: .taylor(interval: 1))
    let plain = runner.bind(labels: [1, 7], times: Self.times)
    for (step, time) in Self.times.enumerated() {
      let rows = isGuided || step < 3 ? x : x[0..<1]
      #expect(relativeError(cached(rows, time), plain(rows, time)) == 0)
    }
  }
}
