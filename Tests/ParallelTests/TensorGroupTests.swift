internal import Parallel
internal import Testing
internal import Torch

@Suite struct TensorGroupTests {
  @Test func exchangesTensorsOfTheProcessorByItsOwnGroup() throws {
    let variables = LaunchVariables(["RANK": "0", "WORLD_SIZE": "1"])
    let ranks = try RankGroup(try #require(try variables.process()), timeout: .seconds(10))
    #expect(try ranks.tensorGroup(on: .cpu) === ranks.group)
    guard !CUDA.hasKernelLibrary else { return }
    #expect(try ranks.tensorGroup(on: .cuda(0)) === ranks.group)
    try ranks.finish()
  }
}
