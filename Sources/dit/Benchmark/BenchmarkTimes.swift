internal import Torch

/// The seconds that runs of the same work took.
struct BenchmarkTimes {
  /// Of the first run, which warms up and is counted in none of the others.
  let first: Double
  /// The median of the others.
  let median: Double
  /// The least of the others.
  let fastest: Double

  /// Runs work once to warm up, then a number of times.
  ///
  /// - Parameters:
  ///   - count: timed runs, 1 or more.
  ///   - work: given the number of the run, from 0; returns its seconds.
  init(_ count: Int, _ work: (Int) throws -> Double) rethrows {
    let seconds = try (0...count).map(work)
    let timed = seconds.dropFirst()
    first = seconds[0]
    median = Torch.median(timed)
    fastest = timed.min() ?? seconds[0]
  }

  /// The seconds that work takes.
  static func seconds(_ work: () throws -> Void) rethrows -> Double {
    try ContinuousClock().measure(work).inSeconds
  }
}
