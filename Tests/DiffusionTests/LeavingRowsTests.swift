import TestSupport
import Testing
import Torch

@testable import Diffusion

/// Images that leave a batch on its way.
@Suite struct LeavingRowsTests {
  private static let processes = [
    DiffusionProcess.ddpm(learnsVariance: false), .flow(), .flow(of: .meanflow),
  ]

  /// A network whose output depends on the class of each row, the latents and the time.
  private static func binding(_ labels: [Int], _ times: [Double]) -> Network {
    { x, time in
      let classes = Tensor(labels.map { Float($0) / 10 }, shape: [labels.count, 1, 1, 1])
      return (x * 0.7 + classes + time / 1000).hyperbolicTangent
    }
  }

  private func loop(
    _ method: SamplingMethod, _ process: DiffusionProcess, labels: [Int], seeds: [UInt64]
  ) throws -> SamplingLoop {
    let noise = NoiseSource.perSample(try seeds.map { try Generator(seed: $0) })
    return try SamplingOptions(sampler: method, stepCount: 6, guidance: Guidance(scale: 2)).loop(
      labels: labels, nullClass: 9, shape: [2, 3, 3], process: process, noise: noise, device: .cpu,
      network: LeavingRowsTests.binding)
  }

  /// Whatever a sampler remembers of its steps, it remembers for each image.
  @Test(arguments: SamplingMethod.all)
  func leavesTheOthersAsTheyAre(_ method: SamplingMethod) throws {
    var tried = 0
    for process in LeavingRowsTests.processes
    where SamplingMethod.fitting(process.path).contains(method) {
      // dopri5 chooses its steps by all images: the same steps only while none leaves before the end.
      guard method.defaultStepCount != nil else { continue }
      tried += 1
      let whole = try loop(method, process, labels: [3, 1, 2, 4], seeds: [5, 6, 7, 8]).run()
      let leaving = try loop(method, process, labels: [3, 1, 2, 4], seeds: [5, 6, 7, 8])
      _ = try leaving.next()
      _ = try leaving.next()
      #expect(try leaving.keep([0, 2, 3]))
      _ = try leaving.next()
      #expect(try leaving.keep([1, 2]))
      let rest = try leaving.run()
      #expect(rest.shape == [2, 2, 3, 3])
      #expect(relativeError(rest, whole[2..<4]) < 1e-6)
    }
    #expect(tried > 0 || method == .dopri5)
  }

  @Test func anAdaptiveSamplerGoesOn() throws {
    let leaving = try loop(.dopri5, .flow(), labels: [3, 1], seeds: [5, 6])
    _ = try leaving.next()
    #expect(try leaving.keep([1]))
    let alone = try loop(.dopri5, .flow(), labels: [1], seeds: [6]).run()
    #expect(relativeError(try leaving.run(), alone) < 1e-2)
  }

  /// The predictions that a caller still holds stay as they were.
  @Test func keepsEarlierPredictions() throws {
    let leaving = try loop(.ddim, LeavingRowsTests.processes[0], labels: [3, 1], seeds: [5, 6])
    let step = try #require(try leaving.next())
    let before = try step.predictedData().cloned
    try leaving.keep([0])
    _ = try leaving.next()
    #expect(relativeError(try step.predictedData(), before) == 0)
  }

  /// One stream of noise gives each image numbers that depend on the others.
  @Test func needsNoiseOfItsOwn() throws {
    let loop = try SamplingOptions(sampler: .ddpm, stepCount: 3, guidance: Guidance(scale: 2)).loop(
      labels: [1, 2], nullClass: 9, shape: [2, 3, 3], process: LeavingRowsTests.processes[0],
      noise: .perBatch(try Generator(seed: 1)), device: .cpu, network: LeavingRowsTests.binding)
    #expect(try !loop.keep([0]))
    #expect(try loop.run().size(0) == 2)
  }
}
