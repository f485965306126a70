/// The middle of some numbers: half of them are no larger and half no smaller. Of an even count it is
/// the mean of the two in the middle.
///
/// - Parameter values: in any order; not empty.
/// - Returns: the middle.
package func median(_ values: some Collection<Double>) -> Double {
  let sorted = values.sorted()
  guard !sorted.isEmpty else { fatalError("median: of no numbers") }
  let upper = sorted.count / 2
  return sorted.count.isMultiple(of: 2) ? (sorted[upper - 1] + sorted[upper]) / 2 : sorted[upper]
}
