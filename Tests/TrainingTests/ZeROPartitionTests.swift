internal import Testing

@testable internal import Training

@Suite struct ZeROPartitionTests {
  @Test(arguments: [[10], [3, 5, 1], [1, 1], [7, 0, 9, 4]], [1, 2, 3, 8])
  func givesEachElementToOneRank(_ counts: [Int], _ rankCount: Int) {
    let shards = (0..<rankCount).map {
      ZeROPartition(counts: counts, rank: $0, rankCount: rankCount)
    }
    let elements = counts.indices.flatMap { index in (0..<counts[index]).map { [index, $0] } }
    let own = shards.flatMap { shard in
      shard.own.flatMap { piece in piece.elements.map { [piece.index, $0] } }
    }
    #expect(own == elements)
    let share = (elements.count + rankCount - 1) / rankCount
    for shard in shards {
      #expect(shard.own.reduce(0) { $0 + $1.elements.count } <= share)
      #expect(shard.all.map(\.piece) == shards.flatMap(\.own))
    }
  }
}
