internal import Evaluation
internal import Foundation
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct FiguresTests {
  static func set(_ rows: Tensor, need: Metric.Need = [.pooled, .moments]) throws -> FeatureSet {
    var builder = FeatureSetBuilder(
      FeatureWidths(pooled: 24, spatial: 24, logits: 24), capacity: rows.size(0), need: need)
    try builder.add(ImageFeatures(pooled: rows, spatial: rows * 2.0, logits: rows), first: 0)
    return try builder.finish()
  }

  @Test func hasAllMetrics() throws {
    let values = try MetricValues.read()
    let need: Metric.Need = [.pooled, .moments, .spatialMoments, .logits]
    let result = try figures(
      of: Self.set(MetricValues.samples, need: need),
      reference: Self.set(MetricValues.reference, need: need), network: "net",
      metrics: Metric.allCases)
    #expect(difference(try #require(result[.fid]), values.fid) < 1e-9)
    #expect(difference(try #require(result[.sfid]), 4 * values.fid) < 1e-9)
    #expect(difference(try #require(result[.kid]), values.kid_whole) < 1e-9)
    #expect(result.kidStandardDeviation == nil && result.neighbours?.isInside.count == 600)
    #expect(result.sampleCount == 600 && result.referenceCount == 500)
    let object = try JSONSerialization.jsonObject(with: Data(result.json.utf8))
    let fields = try #require(object as? [String: Any])
    for key in ["fid", "sfid", "is", "precision", "recall", "kid"] {
      #expect(fields[key] is Double, "\(key)")
    }
    #expect(fields["samples"] as? Int == 600 && fields["features"] as? String == "net")
    #expect(fields["kid_std"] == nil && fields["fd_dinov2"] == nil)
    #expect(!result.json.contains("\n"))
    #expect(result.notes.contains(.fewImages(.samples, count: 600)))
    #expect(result.notes.contains(.kernelOverWholeSets))
  }

  /// Like sets: the distance of few samples is bias alone, half of it by the samples.
  @Test func saysHowBiasedFewSamplesAre() throws {
    let rows = MetricValues.samples
    let result = try figures(
      of: Self.set(rows[0..<300]), reference: Self.set(rows[300..<600]), network: "net",
      metrics: [.fid])
    let fields = try #require(
      JSONSerialization.jsonObject(with: Data(result.json.utf8)) as? [String: Any])
    let (fid, bias) = (try #require(result[.fid]), try #require(fields["fid_bias"] as? Double))
    #expect(bias > 0.3 * fid && bias < fid)
  }

  /// Half of the samples are no more than the features, or the estimate exceeds the distance.
  @Test func leavesOutABiasThatTheLawDoesNotGive() throws {
    for count in [8, 40, 49, 100] {
      let rows = MetricValues.samples
      let result = try figures(
        of: Self.set(rows[0..<count]), reference: Self.set(rows[100..<600]), network: "net",
        metrics: [.fid])
      #expect(try #require(result[.fid]) > 0)
      #expect(!result.json.contains("fid_bias"), "\(count): \(result.json)")
      #expect(result.notes.contains(.fewImages(.samples, count: count)))
    }
  }

  @Test func hasThoseAskedForAlone() throws {
    let result = try figures(
      of: Self.set(MetricValues.samples), reference: Self.set(MetricValues.reference),
      network: "dinov2-vitl14", metrics: [.precision, .fid])
    #expect(result.metrics == [.fid, .precision])
    #expect(result.json.hasPrefix("{\"fid\":") && result.json.contains("\"fd_dinov2\":"))
    #expect(!result.json.contains("recall") && !result.json.contains("\"kid"))
  }

  @Test func saysWhatIsMissing() throws {
    let samples = try Self.set(MetricValues.samples)
    let statistics = FeatureSet(moments: samples.moments, spatialMoments: nil)
    func compute(_ reference: FeatureSet?, _ metric: Metric) throws {
      _ = try figures(of: samples, reference: reference, network: "net", metrics: [metric])
    }
    try compute(statistics, .fid)
    expectError(.incompleteReference, "no images for precision") {
      try compute(statistics, .precision)
    }
    expectError(.incompleteReference, "no statistics (mu, sigma) for fid") {
      try compute(nil, .fid)
    }
    expectError(.otherFeatures, "(mu_s, sigma_s) for sfid") { try compute(samples, .sfid) }
    expectError(.otherFeatures, "net has no scores of classes") {
      try compute(samples, .inceptionScore)
    }
  }

  /// Statistics of a file stand for more images than it has.
  @Test func takesStatisticsOfTheFile() throws {
    let all = try Self.set(MetricValues.reference)
    let some = try Self.set(MetricValues.reference[0..<100])
    let reference = some.with(moments: all.moments, spatialMoments: nil)
    let result = try figures(
      of: Self.set(MetricValues.samples), reference: reference, network: "net",
      metrics: [.fid, .recall])
    #expect(difference(try #require(result[.fid]), try MetricValues.read().fid) < 1e-9)
    #expect(result.referenceCount == 500 && result.neighbours?.isCovered.count == 100)
    #expect(result.referenceImageCount == 100)
  }

  /// Images beside statistics of a file without a count do not stand for it.
  @Test func imagesAreNotThoseOfStatistics() throws {
    let all = try Self.set(MetricValues.reference, need: [.moments, .spatialMoments])
    func unknown(_ moments: FeatureMoments?) throws -> FeatureMoments {
      let moments = try #require(moments)
      return try FeatureMoments(count: nil, mean: moments.mean, covariance: moments.covariance)
    }
    let need: Metric.Need = [.pooled, .moments, .spatialMoments]
    let some = try Self.set(MetricValues.reference[0..<100], need: need)
    let reference = some.with(moments: try unknown(all.moments), spatialMoments: nil)
    let samples = try Self.set(MetricValues.samples, need: need)
    func compute(_ metrics: [Metric], _ reference: FeatureSet) throws -> Figures {
      try figures(of: samples, reference: reference, network: "net", metrics: metrics)
    }
    let both = try compute([.fid, .kid], reference)
    #expect(both.referenceCount == nil && both.referenceImageCount == 100)
    #expect(both.json.contains("\"reference\":null,\"reference_images\":100,"), "\(both.json)")
    #expect(both.notes.contains(.unknownReferenceCount))
    #expect(!both.notes.contains(.fewImages(.reference, count: 100)))

    // Those with places are the images' own.
    let places = try compute([.sfid], reference)
    #expect(places.referenceCount == 100 && places.referenceImageCount == nil)
    #expect(places.notes.contains(.fewImages(.reference, count: 100)))
    #expect(!places.notes.contains(.unknownReferenceCount))
    let mixed = try compute([.fid, .sfid], reference)
    #expect(mixed.referenceCount == nil && mixed.notes.contains(.unknownReferenceCount))
    #expect(mixed.notes.contains(.fewImages(.reference, count: 100)))
    let unknownPlaces = try some.with(moments: nil, spatialMoments: unknown(all.spatialMoments))
    #expect(try compute([.sfid], unknownPlaces).notes.contains(.unknownReferenceCount))

    // Without a distance, the images are the reference.
    let images = try compute([.precision, .kid], reference)
    #expect(images.referenceCount == 100 && images.referenceImageCount == 100)
    #expect(!images.notes.contains(.unknownReferenceCount))
    let bare = try compute([.fid], some)
    #expect(bare.referenceCount == 100 && !bare.json.contains("reference_images"))
  }

  @Test func readsMetricsByName() {
    #expect(
      ["fid", "sfid", "is", "precision", "recall", "kid"].compactMap(Metric.init) == Metric.allCases
    )
    #expect(Metric(rawValue: "FID") == nil)
    #expect(Metric.sampleNeed(of: [.fid], count: 50_000) == .moments)
    #expect(Metric.sampleNeed(of: [.fid], count: 500) == [.moments, .pooled])
    #expect(Metric.referenceNeed(of: [.inceptionScore]) == [])
  }
}
