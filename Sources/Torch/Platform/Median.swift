/// The median; for an even count the mean of the two middle values.
///
/// - Parameter values: in any order; not empty.
/// - Returns: the median.
package func median(_ values: some Collection<Double>) -> Double {
  let sorted = values.sorted()
  guard !sorted.isEmpty else { fatalError("median: of no numbers") }
  let upper = sorted.count / 2
  return sorted.count.isMultiple(of: 2) ? (sorted[upper - 1] + sorted[upper]) / 2 : sorted[upper]
}
