@testable internal import Parallel
internal import Testing

@Suite struct RankDeviceTests {
  @Test(arguments: [(0, 4, 0), (3, 4, 3), (3, 1, 0), (5, 4, 1), (2, 0, 0)])
  func findsTheOwnDevice(_ localRank: Int, _ visibleCount: Int, _ index: Int) {
    #expect(RankGroup.deviceIndex(localRank: localRank, visibleCount: visibleCount) == index)
  }
}
