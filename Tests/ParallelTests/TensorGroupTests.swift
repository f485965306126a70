internal import Parallel
internal import Testing
internal import Torch

@Suite struct TensorGroupTests {
  @Test func exchangesTensorsOfTheProcessorByItsOwnGroup() throws {
    let variables = LaunchVariables(["RANK": "0", "WORLD_SIZE": "1"])
    let ranks = try RankGroup(try #require(try variables.process()), timeout: .seconds(10))
    let (group, reason) = try ranks.tensorGroup(on: .cpu)
    #expect(group === ranks.group && reason == nil)
    try ranks.finish()
  }
}
