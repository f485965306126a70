/// Squared errors by how noisy their rows were, in ten bins from data to noise.
public struct NoiseLevelErrors: Sendable, Equatable {
  /// The number of bins.
  public static let binCount = 10

  /// Sums of the errors of each bin.
  public private(set) var sums = [Double](repeating: 0, count: binCount)
  /// Rows of each bin.
  public private(set) var counts = [Double](repeating: 0, count: binCount)

  /// No rows.
  public init() {}

  /// Sums and counts that were exchanged between ranks.
  init(sums: ArraySlice<Double>, counts: ArraySlice<Double>) {
    self.sums = Array(sums)
    self.counts = Array(counts)
  }

  /// The mean error of each bin; nil for one without rows.
  public var means: [Double?] { zip(sums, counts).map { $1 > 0 ? $0 / $1 : nil } }

  /// Adds rows.
  ///
  /// - Parameters:
  ///   - errors: the squared error of each row.
  ///   - levels: how noisy each is, from 0 for data to 1 for noise.
  public mutating func add(_ errors: [Double], at levels: [Double]) {
    for (error, level) in zip(errors, levels) {
      let bin = min(max(Int(level * Double(Self.binCount)), 0), Self.binCount - 1)
      sums[bin] += error
      counts[bin] += 1
    }
  }

  /// Adds the rows of other steps.
  public mutating func add(_ other: NoiseLevelErrors) {
    for bin in 0..<Self.binCount {
      sums[bin] += other.sums[bin]
      counts[bin] += other.counts[bin]
    }
  }
}
