internal import Foundation
internal import TestSupport
internal import Testing
internal import Torch

@testable internal import Evaluation

@Suite struct InceptionScoreTests {
  static var logits: Tensor { SyntheticFeatures.rows(seed: 5, 1230, 10) * 8.0 }

  static func score(chunk: Int, batch: Int, isReversed: Bool = false) throws -> InceptionScore {
    var score = InceptionScore(classCount: 10, chunkSize: chunk)
    let starts = Array(stride(from: 0, to: 1230, by: batch))
    for start in isReversed ? starts.reversed() : starts {
      try score.add(logits[start..<min(start + batch, 1230)], at: start)
    }
    return score
  }

  @Test(arguments: [1230, 64, 7]) func isTheSuites(_ batch: Int) throws {
    let values = try MetricValues.read()
    let chunks = try Self.score(chunk: 100, batch: batch)
    #expect(chunks.chunkScores.count == 13 && chunks.count == 1230)
    #expect(difference(try chunks.value, values.is_chunks_100) < 1e-12)
    #expect(difference(try Self.score(chunk: 5000, batch: batch).value, values.is_whole) < 1e-12)
    let interval = try #require(chunks.interval)
    let value = try chunks.value
    #expect(interval.low < value && value < interval.high)
    #expect(try Self.score(chunk: 5000, batch: batch).interval == nil)
  }

  @Test func takesBatchesInAnyOrderAndParts() throws {
    let values = try MetricValues.read()
    let reversed = try Self.score(chunk: 100, batch: 64, isReversed: true)
    #expect(difference(try reversed.value, values.is_chunks_100) < 1e-12)
    var merged = InceptionScore(classCount: 10, chunkSize: 100)
    for (first, count) in [(333, 897), (0, 333)] {
      var part = InceptionScore(classCount: 10, chunkSize: 100)
      try part.add(Self.logits[first..<first + count], at: first)
      try merged.merge(
        JSONDecoder().decode(InceptionScore.self, from: JSONEncoder().encode(part)))
    }
    #expect(difference(try merged.value, values.is_chunks_100) < 1e-12)
  }

  /// Uniform scores tell nothing; certain ones, K classes apart, give K, also where a share is zero.
  @Test func hasTheValuesOfExtremes() throws {
    var uniform = InceptionScore(classCount: 4)
    try uniform.add(Tensor.zeros([8, 4]), at: 0)
    #expect(difference(try uniform.value, 1) < 1e-12)
    var certain = InceptionScore(classCount: 4)
    let rows = (0..<8).flatMap { row in (0..<4).map { Float($0 == row % 4 ? 1e4 : 0) } }
    try certain.add(Tensor(rows, shape: [8, 4]), at: 0)
    #expect(difference(try certain.value, 4) < 1e-12)
    expectError(.tooFewImages, "needs images") { _ = try InceptionScore(classCount: 4).value }
    expectError(.otherFeatures, "[8, 3]") { try certain.add(Tensor.zeros([8, 3]), at: 0) }
    expectError(.nonFinite, "NaN") { try certain.add(Tensor.full([8, 4], .nan), at: 0) }
    expectError(.otherFeatures, "chunks of 100") {
      try certain.merge(InceptionScore(classCount: 4, chunkSize: 100))
    }
  }
}

@Suite struct PrecisionRecallTests {
  static var samples: Tensor { MetricValues.samples.narrowed(axis: 1, start: 0, count: 8) }
  static var reference: Tensor {
    SyntheticFeatures.rows(seed: 2, 500, 24).narrowed(axis: 1, start: 0, count: 8) * 1.25
  }

  static func indices(_ flags: [Bool]) -> [Int] { flags.indices.filter { flags[$0] } }

  @Test func isTheDefinitions() throws {
    let values = try MetricValues.read().exact
    let result = try PrecisionRecall().compare(samples: Self.samples, reference: Self.reference)
    #expect(Self.indices(result.isInside) == values.inside)
    #expect(Self.indices(result.isCovered) == values.covered)
    #expect(result.precision == values.precision && result.recall == values.recall)
    #expect(Array(result.nearest[..<20]) == values.nearest)
    #expect(result.nearest.count == 600 && result.referenceRadius.count == 500)
    #expect(result.precisionInterval.low < values.precision)
    #expect(result.precisionInterval.high > values.precision)
  }

  @Test func roundsAsTheSuite() throws {
    let values = try MetricValues.read().half
    let result = try PrecisionRecall(suiteFloat16: true).compare(
      samples: Self.samples * 8.0 + 16, reference: Self.reference * 8.0 + 16)
    #expect(Self.indices(result.isInside) == values.inside)
    #expect(Self.indices(result.isCovered) == values.covered)
    #expect(result.precision == values.precision && result.recall == values.recall)
    #expect(Array(result.nearest[..<20]) == values.nearest)
  }

  /// Beyond the range of float16 the suite computes in float32.
  @Test func leavesFloat16WhereItOverflows() throws {
    let samples = Self.samples * 128.0 + 256
    let reference = Self.reference * 128.0 + 256
    let suite = try PrecisionRecall(suiteFloat16: true).compare(
      samples: samples, reference: reference)
    let exact = try PrecisionRecall().compare(samples: samples, reference: reference)
    #expect(suite.isInside == exact.isInside && suite.isCovered == exact.isCovered)
  }

  /// More images than a block of distances has.
  @Test(arguments: [false, true]) func doesNotDependOnBlocks(_ suiteFloat16: Bool) throws {
    let samples = SyntheticFeatures.rows(seed: 6, 5100, 4)
    let options = PrecisionRecall(suiteFloat16: suiteFloat16)
    let whole = try options.compare(
      samples: samples, reference: Self.reference.narrowed(axis: 1, start: 0, count: 4))
    let part = try options.compare(
      samples: samples, reference: Self.reference.narrowed(axis: 1, start: 0, count: 4))
    #expect(whole == part)
    let same = try options.compare(samples: samples, reference: samples)
    #expect(same.precision == 1 && same.recall == 1)
  }

  @Test func isOneForTheSameSetInAnyOrder() throws {
    let rows = Self.samples
    for other in [rows, rows.flipped(axes: [0])] {
      let result = try PrecisionRecall().compare(samples: rows, reference: other)
      #expect(result.precision == 1 && result.recall == 1)
      #expect(result.nearestDistance.allSatisfy { $0 == 0 })
    }
    let far = try PrecisionRecall().compare(samples: rows + 100, reference: rows)
    #expect(far.precision == 0 && far.recall == 0)
  }

  /// Copies of an image are at distance zero, not at that of rounding.
  @Test func takesIdenticalImages() throws {
    let wide = SyntheticFeatures.rows(seed: 3, 10, 2048) + 0.37
    let copies = wide.repeated([5, 1])
    let result = try PrecisionRecall().compare(samples: copies, reference: copies[0..<40])
    #expect(result.precision == 1 && result.recall == 1)
    #expect(result.referenceRadius.allSatisfy { $0 == 0 })
  }

  /// Points on a line: the third neighbour of 0 is 3, which is inside by equality.
  @Test func countsTheBorderAsInside() throws {
    let reference = Tensor([0, 1, 2, 3] as [Float], shape: [4, 1])
    let samples = Tensor([-3, -3.5, 6, 6.5, 1] as [Float], shape: [5, 1])
    let result = try PrecisionRecall().compare(samples: samples, reference: reference)
    #expect(result.isInside == [true, false, true, false, true])
    #expect(result.nearest == [0, 0, 3, 3, 1])
    #expect(result.nearestDistance == [9, 12.25, 9, 12.25, 0])
    #expect(result.referenceRadius == [9, 4, 4, 9])
  }

  @Test func refusesTooFewAndOthers() throws {
    let rows = Self.samples
    expectError(.tooFewImages, "4 images or more are needed, and the samples have 3") {
      _ = try PrecisionRecall().compare(samples: rows[0..<3], reference: rows)
    }
    expectError(.otherFeatures, "[600, 7]") {
      _ = try PrecisionRecall().compare(
        samples: rows.narrowed(axis: 1, start: 0, count: 7), reference: rows)
    }
    struct Stop: Error {}
    #expect(throws: Stop.self) {
      _ = try PrecisionRecall().compare(samples: rows, reference: rows) { throw Stop() }
    }
  }
}

@Suite struct KernelDistanceTests {
  @Test func hasNumPysSubsets() throws {
    var generator = NumPyRandom(seed: 2020)
    let choices = [50, 70_000, 11].map { generator.choice(10, of: $0) }
    #expect(try choices == MetricValues.read().choices)
  }

  @Test func isTorchFidelitys() throws {
    let values = try MetricValues.read()
    let result = try KernelDistance(subsetCount: 10, subsetSize: 100).compare(
      samples: MetricValues.samples, reference: MetricValues.reference)
    #expect(difference(result.value, values.kid) < 1e-9)
    #expect(difference(try #require(result.standardDeviation), values.kid_std) < 1e-9)
    let interval = try #require(result.interval)
    #expect(interval.low < result.value && result.value < interval.high)
  }

  @Test func isOverWholeSetsWhereOneIsSmall() throws {
    let result = try KernelDistance().compare(
      samples: MetricValues.samples, reference: MetricValues.reference)
    #expect(difference(result.value, try MetricValues.read().kid_whole) < 1e-9)
    #expect(result.isOverWholeSets && result.interval == nil)
    expectError(.tooFewImages, "samples have 1") {
      _ = try KernelDistance().compare(
        samples: MetricValues.samples[0..<1], reference: MetricValues.reference)
    }
  }

  /// Without bias the mean over equal distributions is zero, so that half of the values are below.
  @Test func isAboutZeroForLikeSets() throws {
    let rows = SyntheticFeatures.rows(seed: 7, 1200, 16)
    let result = try KernelDistance().compare(samples: rows[0..<600], reference: rows[600..<1200])
    #expect(abs(result.value) < 1e-3)
  }
}

@Suite struct IntervalTests {
  @Test func isBinomialForShares() {
    // The quantiles of a binomial distribution of 100 draws at 0.3, from tables: 21 and 39.
    #expect(Interval.bootstrap(share: 0.3, count: 100) == Interval(low: 0.21, high: 0.39))
    #expect(Interval.bootstrap(share: 1, count: 100) == Interval(low: 1, high: 1))
    let large = Interval.bootstrap(share: 0.8, count: 50_000)
    #expect(abs(large.low - 0.7965) < 2e-4 && abs(large.high - 0.8035) < 2e-4)
  }

  @Test func isThatOfTheMean() throws {
    let values = (0..<100).map { Double($0 % 10) }
    let interval = try #require(Interval.bootstrap(meanOf: values))
    // The standard error is 2.87 / 10.
    #expect(abs(interval.low - (4.5 - 1.96 * 0.287)) < 0.05)
    #expect(abs(interval.high - (4.5 + 1.96 * 0.287)) < 0.05)
    #expect(Interval.bootstrap(meanOf: [1, 2, 3, 4]) == nil)
  }
}
