/// The pace of some work, from its recent units alone: the first ones prepare for the others, and the pace
/// of a machine changes.
struct RecentRate {
  private var marks: [(seconds: Double, done: Int)]
  private let start: Int
  private var known: Double?

  /// Units and seconds that count as recent, whichever is more.
  private static let (unitCount, seconds) = (20, 15.0)

  /// - Parameters:
  ///   - done: units that are done at the start.
  ///   - seconds: the time of the start.
  init(from done: Int, at seconds: Double) {
    marks = [(seconds, done)]
    start = done
  }

  /// Notes that `done` units are done.
  mutating func add(_ done: Int, at seconds: Double) {
    guard let last = marks.last, done > last.done else { return }
    marks.append((seconds, done))
    // The first unit counts only until there is another.
    if marks.count == 3, marks[0].done == start { marks.removeFirst() }
    while marks.count > RecentRate.unitCount + 1, seconds - marks[1].seconds > RecentRate.seconds {
      marks.removeFirst()
    }
    if let first = marks.first, first.done < done {
      known = (seconds - first.seconds) / Double(done - first.done)
    }
  }

  /// Leaves out the time since the last unit, in which something else was done.
  mutating func skipPause(until seconds: Double) {
    guard let last = marks.last else { return }
    marks = marks.map { ($0.seconds + seconds - last.seconds, $0.done) }
  }

  /// Seconds a unit; nil before the first is done.
  var secondsPerUnit: Double? { known }
}
