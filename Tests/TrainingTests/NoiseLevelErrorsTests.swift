internal import Diffusion
internal import Testing
internal import Torch
internal import Training

@Suite struct NoiseLevelErrorsTests {
  @Test func sumsErrorsByTenthsOfTheWay() {
    var errors = NoiseLevelErrors()
    errors.add([1, 3, 10, 5], at: [0, 0.05, 0.95, 1])
    var more = NoiseLevelErrors()
    more.add([2], at: [0.31])
    errors.add(more)
    #expect(errors.means == [2, nil, nil, 2, nil, nil, nil, nil, nil, 7.5])
  }

  @Test func countsTimesFromDataToNoise() {
    let steps = TrainingObjective.ddpm(weighting: .uniform).noiseLevels(of: Tensor([0, 500, 999]))
    #expect(steps == [0, 0.5, 0.999])
    // A flow of SiT has data at 1.
    let flow = TrainingObjective.flow(Flow(), weighting: .none).noiseLevels(
      of: Tensor([1.0, 0.75, 0.0]))
    #expect(flow == [0, 0.25, 1])
  }
}
