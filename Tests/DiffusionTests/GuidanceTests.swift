internal import Diffusion
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct GuidanceTests {
  private static let path = NoiseSchedule.linear

  @Test(arguments: [("0,1", 0.0, 1.0), ("0.3,0.3", 0.3, 0.3), (" 0.1 , 7e-1 ", 0.1, 0.7)])
  func readsAnInterval(_ text: String, _ low: Double, _ high: Double) throws {
    let interval = try #require(GuidanceInterval(text))
    #expect(interval.low == low && interval.high == high)
    #expect(GuidanceInterval(interval.description) == interval)
  }

  @Test(
    arguments: [
      "", "0", "0,", ",1", "0,0.5,1", "a,1", "-0.1,1", "0,1.1", "0.7,0.2", "nan,1", "0,inf", "0;1",
    ])
  func refusesOtherIntervals(_ text: String) { #expect(GuidanceInterval(text) == nil) }

  @Test func includesItsBorders() throws {
    // 0.1 + 0.2 is not 0.3.
    let interval = try #require(GuidanceInterval(from: 0.1 + 0.2, to: 0.7))
    for position in [0.3, 0.1 + 0.2, 0.5, 0.7, 0.7 + 1e-12] {
      #expect(interval.contains(position), "\(position)")
    }
    for position in [0, 0.299, 0.3 - 1e-6, 0.7 + 1e-6, 1] {
      #expect(!interval.contains(position), "\(position)")
    }
  }

  /// The calls of the network in a run, and where its random numbers have come to.
  private static func calls(
    _ method: SamplingMethod, steps: Int, _ guidance: Guidance
  ) throws -> (rows: [(time: Double, count: Int)], next: Tensor) {
    let generator = try Generator(seed: 3)
    var rows: [(Double, Int)] = []
    let options = SamplingOptions(
      sampler: method, stepCount: steps,
      samplerOptions: SamplerOptions(
        timestepSpacing: method == .heun ? .linspace : .respaced),
      guidance: guidance)
    _ = try options.loop(
      labels: [4, 5, 6], nullClass: 9, shape: [2, 4, 4],
      process: .ddpm(learnsVariance: false), noise: .perBatch(generator), device: .cpu
    ) { labels, _ in
      #expect(labels == (guidance.isActive ? [4, 5, 6, 9, 9, 9] : [4, 5, 6]))
      return { latents, time in
        rows.append((time, latents.size(0)))
        return latents * 0.1
      }
    }.run()
    return (rows, .randn([4], generator: generator))
  }

  @Test(arguments: [SamplingMethod.ddim, .ddpm])
  func computesNullRowsInTheIntervalAlone(_ method: SamplingMethod) throws {
    // The times are 999, 888, ..., 0.
    let interval = try #require(GuidanceInterval(from: 0.333, to: 0.777))
    let guided = try Self.calls(method, steps: 10, Guidance(scale: 4, interval: interval))
    #expect(guided.rows.map(\.count) == [3, 3, 6, 6, 6, 6, 6, 3, 3, 3])
    let always = try Self.calls(method, steps: 10, Guidance(scale: 4))
    #expect(always.rows.map(\.count) == Array(repeating: 6, count: 10))
    #expect(always.rows.map(\.time) == guided.rows.map(\.time))
    // As many random numbers are drawn.
    #expect(relativeError(guided.next, always.next) == 0)
    let never = try Self.calls(method, steps: 10, Guidance(scale: 1, interval: interval))
    #expect(never.rows.map(\.count) == Array(repeating: 3, count: 10))
  }

  /// As in the published code of Kynkäänniemi et al. 2024.
  @Test func keepsTheChoiceInBothCallsOfAStepOfHeun() throws {
    // The times of the steps are 999, 666, 333, 0.
    let interval = try #require(GuidanceInterval(from: 0.5, to: 0.9))
    let rows = try Self.calls(.heun, steps: 4, Guidance(scale: 4, interval: interval)).rows
    #expect(rows.map(\.time) == [999, 666, 666, 333, 333, 0, 0])
    #expect(rows.map(\.count) == [3, 3, 6, 6, 3, 3, 3])
  }
}

/// A weaker network in place of the null class.
@Suite struct AutoguidanceTests {
  /// D = guide + scale (main - guide), and the main network's own where it is not guided.
  @Test(arguments: [GuidedChannels.first(1), .first(3), .all], [false, true])
  func goesBeyondTheMainNetwork(_ channels: GuidedChannels, guideLearnsVariance: Bool) throws {
    let generator = try Generator(seed: 1)
    let (main, weak) = (
      Tensor.randn([2, 8, 4, 4], generator: generator),
      Tensor.randn([2, guideLearnsVariance ? 8 : 4, 4, 4], generator: generator)
    )
    let network = Guidance(scale: 2.5, channels: channels)
      .guided({ _, _ in main }, by: { _, _ in weak }, channelCount: 4)
    let output = network(.zeros([2, 4, 4, 4]), 500)
    let count = channels == .all ? 4 : channels == .first(3) ? 3 : 1
    for channel in 0..<8 {
      let strong = main.narrowed(axis: 1, start: channel, count: 1)
      var expected = strong
      if channel < count {
        expected = strong * 2.5 - weak.narrowed(axis: 1, start: channel, count: 1) * 1.5
      }
      let found = output.narrowed(axis: 1, start: channel, count: 1)
      #expect(relativeError(found, expected) < Tolerance.float32, "channel \(channel)")
    }
  }

  @Test(arguments: [SamplingMethod.ddpm, .ddim, .unipc, .dpm2MSDE, .euler])
  func asksBothNetworksForTheImagesAlone(_ method: SamplingMethod) throws {
    let interval = try #require(GuidanceInterval(from: 0.3, to: 0.7))
    var (main, weak): ([Double], [Double]) = ([], [])
    var told: [Double] = []
    let options = SamplingOptions(
      sampler: method, stepCount: 10,
      samplerOptions: SamplerOptions(timestepSpacing: .linspace),
      guidance: Guidance(scale: 2, interval: interval))
    _ = try options.loop(
      labels: [3, 4], nullClass: 9, shape: [4, 4, 4],
      process: .ddpm(learnsVariance: true), noise: .perBatch(try Generator(seed: 1)),
      device: .cpu,
      guide: { labels, times in
        #expect(labels == [3, 4])
        told = times
        return { latents, time in
          weak.append(time)
          return latents * 0.2
        }
      },
      network: { labels, _ in
        #expect(labels == [3, 4])
        return { latents, time in
          main.append(time)
          #expect(latents.size(0) == 2)
          return concatenated([latents, latents], axis: 1) * 0.1
        }
      }
    ).run()
    #expect(main.count == 10)
    #expect(weak == main.filter { $0 >= 300 && $0 <= 700 } && told == weak)
    #expect(weak.count > 2 && weak.count < 6)
  }

  /// Unguided, the guide is not even bound.
  @Test func needsAScaleAboveOne() throws {
    let options = SamplingOptions(sampler: .ddim, stepCount: 2, guidance: Guidance(scale: 1))
    _ = try options.loop(
      labels: [3], nullClass: 9, shape: [1, 4, 4], process: .ddpm(learnsVariance: false),
      noise: .perBatch(try Generator(seed: 1)), device: .cpu,
      guide: { _, _ in
        Issue.record("the guide is bound")
        return { latents, _ in latents }
      },
      network: { _, _ in { latents, _ in latents * 0.1 } }
    ).run()
  }
}
