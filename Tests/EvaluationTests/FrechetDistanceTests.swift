internal import Evaluation
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct FrechetDistanceTests {
  static func moments(_ rows: Tensor) throws -> FeatureMoments {
    try FeatureStatisticsTests.statistics(rows, batch: 100).moments
  }

  @Test func isSciPys() throws {
    let distance = try FrechetDistance.between(
      Self.moments(MetricValues.samples), Self.moments(MetricValues.reference))
    #expect(difference(distance, try MetricValues.read().fid) < 1e-9)
  }

  /// Covariances of rank 59 and 49 of 200, and of 299 and 279 of 2,048.
  @Test func takesFewerImagesThanFeatures() throws {
    let values = try MetricValues.read()
    let few = try FrechetDistance.between(
      Self.moments(SyntheticFeatures.rows(seed: 3, 60, 200)),
      Self.moments(SyntheticFeatures.rows(seed: 4, 50, 200) * 1.25))
    #expect(difference(few, values.fid_few) < 1e-9)
    let wide = try FrechetDistance.between(
      Self.moments(SyntheticFeatures.rows(seed: 3, 300, 2048)),
      Self.moments(SyntheticFeatures.rows(seed: 4, 280, 2048) * 1.25))
    #expect(difference(wide, values.fid_wide) < 1e-9)
  }

  @Test func isZeroForTheSameSetInAnyOrder() throws {
    for rows in [MetricValues.samples, SyntheticFeatures.rows(seed: 3, 60, 200)] {
      let moments = try Self.moments(rows)
      let scale = moments.covariance.magnitude.sum().item
      #expect(try FrechetDistance.between(moments, moments) < 1e-12 * scale)
      let permuted = try Self.moments(rows.flipped(axes: [0]))
      #expect(try FrechetDistance.between(moments, permuted) < 1e-12 * scale)
    }
  }

  /// A shift adds its squared length, a factor s (1 - s)² times the variance.
  @Test func hasTheValueOfShiftsAndScales() throws {
    let moments = try Self.moments(MetricValues.samples)
    let shifted = try Self.moments(MetricValues.samples + 0.25)
    #expect(difference(try FrechetDistance.between(moments, shifted), 24 * 0.0625) < 1e-9)
    let scaled = try Self.moments(MetricValues.samples * 3.0)
    let variance = (0..<24).reduce(0) { $0 + moments.covariance[$1][$1].item }
    let means = (moments.mean * 2.0).squared.sum().item
    let distance = try FrechetDistance.between(moments, scaled)
    #expect(difference(distance, 4 * variance + means) < 1e-9)
    let reversed = try FrechetDistance.between(scaled, moments)
    #expect(difference(reversed, distance) < 1e-12)
  }

  @Test func takesIdenticalImages() throws {
    let constant = try Self.moments(Tensor.full([10, 24], 0.5))
    #expect(try FrechetDistance.between(constant, constant) == 0)
    let moments = try Self.moments(MetricValues.samples)
    let variance = (0..<24).reduce(0) { $0 + moments.covariance[$1][$1].item }
    let means = (moments.mean - 0.5).squared.sum().item
    #expect(difference(try FrechetDistance.between(constant, moments), variance + means) < 1e-12)
  }

  /// Slightly negative eigenvalues, as sums in float32 leave them.
  @Test func takesRoundedCovariances() throws {
    let moments = try Self.moments(SyntheticFeatures.rows(seed: 3, 60, 200))
    let rounded = try FeatureMoments(
      count: nil, mean: moments.mean.to(.float32), covariance: moments.covariance.to(.float32))
    let distance = try FrechetDistance.between(moments, rounded)
    #expect(distance >= 0 && distance < 1e-3)
  }

  @Test func refusesOtherFeatures() throws {
    let moments = try Self.moments(MetricValues.samples)
    let other = try Self.moments(SyntheticFeatures.rows(seed: 1, 30, 23))
    expectError(.otherFeatures, "24 features") { _ = try FrechetDistance.between(moments, other) }
    expectError(.otherFeatures, "[3, 2]") {
      _ = try FeatureMoments(
        count: nil, mean: Tensor.zeros([3]), covariance: Tensor.zeros([3, 2]))
    }
    expectError(.nonFinite, "NaN") {
      _ = try FeatureMoments(
        count: nil, mean: Tensor.full([3], .nan), covariance: Tensor.zeros([3, 3]))
    }
  }
}
