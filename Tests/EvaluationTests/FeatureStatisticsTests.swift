internal import Evaluation
internal import Foundation
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct FeatureStatisticsTests {
  static func statistics(_ rows: Tensor, batch: Int) throws -> FeatureStatistics {
    var result = FeatureStatistics(featureCount: rows.size(1))
    for start in stride(from: 0, to: rows.size(0), by: batch) {
      try result.add(rows[start..<min(start + batch, rows.size(0))])
    }
    return result
  }

  @Test(arguments: [600, 64, 7, 1]) func hasNumPysMomentsForAnyBatches(_ batch: Int) throws {
    let values = try MetricValues.read()
    let moments = try Self.statistics(MetricValues.samples, batch: batch).moments
    #expect(moments.count == 600)
    #expect(relativeError(moments.mean, Tensor(values.mean)) < 1e-12)
    #expect(relativeError(moments.covariance[5], Tensor(values.covariance_row)) < 1e-12)
    #expect(difference(moments.covariance.sum().item, values.covariance_sum) < 1e-12)
    #expect(relativeError(moments.covariance.transposed(), moments.covariance) == 0)
  }

  @Test func mergesPartsOfAnySizes() throws {
    let rows = MetricValues.samples
    let whole = try Self.statistics(rows, batch: 600).moments
    var merged = FeatureStatistics(featureCount: 24)
    for range in [0..<0, 0..<1, 1..<400, 400..<600] {
      try merged.merge(Self.statistics(rows[range], batch: 50))
    }
    let moments = try merged.moments
    #expect(moments.count == 600)
    #expect(relativeError(moments.mean, whole.mean) < 1e-12)
    #expect(relativeError(moments.covariance, whole.covariance) < 1e-12)
  }

  /// A sum of squares would have no digits left of a spread this small.
  @Test func isSoundFarFromZero() throws {
    let rows = MetricValues.samples.to(.float64)
    let far = try Self.statistics(rows + 1e7, batch: 32).moments
    let near = try Self.statistics(rows, batch: 32).moments
    #expect(relativeError(far.covariance, near.covariance) < 1e-7)
  }

  @Test func isKeptExactlyInBytesAndCodable() throws {
    var first = try Self.statistics(MetricValues.samples[0..<300], batch: 100)
    var second = try FeatureStatistics(bytes: first.bytes)
    let third = try JSONDecoder().decode(
      FeatureStatistics.self, from: JSONEncoder().encode(first))
    #expect(third.bytes == first.bytes)
    try first.add(MetricValues.samples[300..<600])
    try second.add(MetricValues.samples[300..<600])
    #expect(second.bytes == first.bytes && second.count == 600)
  }

  @Test func refusesWhatDoesNotFit() throws {
    var statistics = try Self.statistics(MetricValues.samples, batch: 600)
    let before = statistics.bytes
    expectError(.otherFeatures, "[n, 24]") { try statistics.add(Tensor.zeros([4, 23])) }
    expectError(.otherFeatures, "[24]") { try statistics.add(Tensor.zeros([24])) }
    expectError(.nonFinite, "NaN") { try statistics.add(Tensor.full([4, 24], .nan)) }
    expectError(.otherFeatures, "23 features") {
      try statistics.merge(FeatureStatistics(featureCount: 23))
    }
    #expect(statistics.bytes == before)
    expectError(.tooFewImages, "there is 1") {
      _ = try Self.statistics(MetricValues.samples[0..<1], batch: 1).moments
    }
    for bytes in [[], Array(before.dropLast()), before + [0], [0] + before.dropFirst()] {
      expectError(.otherFeatures, "bytes") { _ = try FeatureStatistics(bytes: bytes) }
    }
  }
}

/// Expects an `EvaluationError` of a reason whose message has a text.
func expectError(
  _ reason: EvaluationError.Reason, _ text: String, _ location: SourceLocation = #_sourceLocation,
  _ body: () throws -> Void
) {
  do {
    try body()
    Issue.record("no error", sourceLocation: location)
  } catch let error as EvaluationError {
    #expect(error.reason == reason, sourceLocation: location)
    #expect(error.message.contains(text), "\(error.message)", sourceLocation: location)
  } catch {
    Issue.record("\(error)", sourceLocation: location)
  }
}
