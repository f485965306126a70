internal import Layers
internal import Models
internal import TestSupport
internal import Testing
internal import Torch

@testable internal import Inference

/// Modulation computed ahead, in one chunk of times or several.
@Suite struct ModulationScheduleTests {
  private static let times = [900, 700, 500.25, 300, 100]
  private static let labels = [1, 10]

  private func network(
    _ values: GoldenValues, weights: [String: Tensor]? = nil, timesPerChunk: Int
  ) throws -> ConditionedDiT {
    let config = try values.config.model
    let weights = weights ?? values.weights
    let packed = try PackedDiT(config, precision: .fp32, device: .cpu) {
      ParameterStore(.load(weights))
    }
    // Six vectors of each block and two of the final layer, in float32.
    packed.modulationBudget =
      timesPerChunk * (6 * config.depth + 2) * config.hiddenSize * 4 * Self.labels.count
    return packed.bind(labels: Self.labels, times: Self.times)
  }

  @Test(arguments: [0, 1, 2, 3, 4])
  func chunksMatchAllTimesAtOnce(_ timesPerChunk: Int) throws {
    let values = try GoldenValues("dit-even")
    let x = values["x"][0..<2]
    let whole = try network(values, timesPerChunk: 5)
    let chunks = try network(values, timesPerChunk: timesPerChunk)
    // In order, backwards, and back and forth between chunks, with a time that nobody announced.
    let times = Self.times + Self.times.reversed() + [900, 100, 222, 500.25, 222, 700]
    for time in times {
      #expect(relativeError(chunks(x, time), whole(x, time)) < Tolerance.float32, "\(time)")
    }
  }

  /// A matrix that does not fit for a while stands in for memory that does not suffice.
  @Test(arguments: [0, 2, 5], [700, 222])
  func computesAgainAfterAFailure(_ timesPerChunk: Int, time: Double) throws {
    let values = try GoldenValues("dit-even")
    let x = values["x"][0..<2]
    let expected = try network(values, timesPerChunk: 5)(x, time)
    var weights = values.weights
    let name = "blocks.1.adaLN_modulation.1.weight"
    let matrix = try #require(weights[name]).cloned
    weights[name] = matrix
    let network = try network(values, weights: weights, timesPerChunk: timesPerChunk)
    let transpose = Operator("aten::t_")
    transpose(.tensor(matrix))
    #expect(throws: TorchError.self) { try withTorchErrors { network(x, time) } }
    transpose(.tensor(matrix))
    #expect(relativeError(try withTorchErrors { network(x, time) }, expected) < Tolerance.float32)
  }
}
