/// Divides the elements of a list of tensors, laid end to end, equally among ranks (ZeRO stage 1).
struct ZeROPartition {
  /// Consecutive elements of one tensor.
  struct Piece: Equatable {
    /// The index of the tensor.
    let index: Int
    /// Its elements, in row-major order.
    let elements: Range<Int>
  }

  /// The pieces of all ranks, in the order of the elements.
  let all: [(owner: Int, piece: Piece)]
  /// This rank's pieces.
  let own: [Piece]

  /// Divides tensors with these element counts; the last parts may be smaller.
  init(counts: [Int], rank: Int, rankCount: Int) {
    let total = counts.reduce(0, +)
    let share = (total + rankCount - 1) / rankCount
    var all: [(owner: Int, piece: Piece)] = []
    var offset = 0
    for (index, count) in counts.enumerated() {
      var start = 0
      while start < count {
        let owner = (offset + start) / share
        let end = min(count, (owner + 1) * share - offset)
        all.append((owner, Piece(index: index, elements: start..<end)))
        start = end
      }
      offset += count
    }
    self.all = all
    own = all.filter { $0.owner == rank }.map(\.piece)
  }
}
