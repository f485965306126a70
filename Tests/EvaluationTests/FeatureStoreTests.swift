internal import Evaluation
internal import Foundation
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct FeatureStoreTests {
  static let widths = FeatureWidths(pooled: 24, spatial: 7, logits: 5)

  static func features(_ images: Range<Int>) -> ImageFeatures {
    ImageFeatures(
      pooled: MetricValues.samples[images],
      spatial: SyntheticFeatures.rows(seed: 8, 600, 7)[images],
      logits: SyntheticFeatures.rows(seed: 9, 600, 5)[images])
  }

  static func store(_ folder: String, batchSize: Int = 250) -> FeatureStore {
    FeatureStore(folder, imageCount: 600, batchSize: batchSize, widths: widths)
  }

  @Test func keepsBatches() throws {
    try withTemporaryFolder { folder in
      let store = Self.store(folder)
      #expect(store.batchCount == 3 && store.images(of: 2) == 500..<600)
      #expect(store.missingBatches == [0, 1, 2])
      #expect(store.missingByteCount == 3 * 64 + 600 * 4 * (24 + 7 + 5))
      try store.write(Self.features(500..<600), batch: 2, enlargedCount: 3)
      try store.write(Self.features(0..<250), batch: 0)
      #expect(store.missingBatches == [1])
      #expect(store.missingByteCount == 64 + 250 * 4 * (24 + 7 + 5))
      try store.write(Self.features(250..<500), batch: 1, enlargedCount: 40)
      #expect(try store.enlargedCount() == 43)
      var rows: [Range<Int>] = []
      try store.forEachBatch { images, features in
        let expected = Self.features(images)
        rows.append(images)
        #expect(features.pooled.elements(Float.self) == expected.pooled.elements())
        #expect(features.spatial?.elements(Float.self) == expected.spatial?.elements())
        #expect(features.logits?.elements(Float.self) == expected.logits?.elements())
      }
      #expect(rows == [0..<250, 250..<500, 500..<600])
      try store.remove()
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
    }
  }

  @Test func knowsFilesOfAnotherSizeOrKind() throws {
    try withTemporaryFolder { folder in
      let store = Self.store(folder)
      try store.write(Self.features(0..<250), batch: 0)
      let file = URL(filePath: folder + "/block-0000000.features")
      let bytes = try Data(contentsOf: file)
      try bytes.dropLast().write(to: file)
      #expect(!store.hasBatch(0))
      expectError(.otherFeatures, "block-0000000.features' has not") { _ = try store.read(0) }
      // As many bytes of other features.
      let other = FeatureStore(
        folder, imageCount: 600, batchSize: 250,
        widths: FeatureWidths(pooled: 7, spatial: 24, logits: 5))
      try bytes.write(to: file)
      #expect(other.hasBatch(0))
      expectError(.otherFeatures, "remove it") { _ = try other.read(0) }
      expectError(.otherFeatures, "[100, 24]") {
        try store.write(Self.features(0..<100), batch: 0)
      }
      expectError(.otherFeatures, "none") {
        try store.write(ImageFeatures(pooled: MetricValues.samples[0..<250]), batch: 0)
      }
    }
  }

  @Test func makesASetWhateverTheBatches() throws {
    try withTemporaryFolder { folder in
      var sets: [FeatureSet] = []
      for size in [250, 64, 600] {
        let path = folder + "/\(size)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let store = Self.store(path, batchSize: size)
        for batch in 0..<store.batchCount {
          try store.write(Self.features(store.images(of: batch)), batch: batch)
        }
        sets.append(try FeatureSet(store, need: [.pooled, .moments, .spatialMoments, .logits]))
      }
      let moments = try FrechetDistanceTests.moments(MetricValues.samples)
      for set in sets {
        #expect(set.count == 600 && set.nonFinite.isEmpty)
        #expect(set.pooled?.elements(Float.self) == MetricValues.samples.elements())
        let found = try #require(set.moments)
        #expect(relativeError(found.covariance, moments.covariance) < 1e-12)
        #expect(
          found.covariance.elements(Double.self) == sets[0].moments?.covariance.elements())
        #expect(set.spatialMoments?.featureCount == 7)
        #expect(
          difference(
            try #require(set.inceptionScore).value, try #require(sets[0].inceptionScore).value)
            < 1e-12)
      }
    }
  }

  @Test func keepsWhatIsNeededAlone() throws {
    var builder = FeatureSetBuilder(Self.widths, capacity: 600, need: [.spatialMoments])
    try builder.add(Self.features(0..<600), first: 0)
    let set = try builder.finish()
    #expect(set.pooled == nil && set.moments == nil && set.inceptionScore == nil)
    #expect(set.spatialMoments?.count == 600 && set.count == 600)
  }

  @Test func leavesOutImagesThatAreNotFinite() throws {
    let bad = Self.features(0..<100)
    bad.pooled[3][5].fillInPlace(.nan)
    bad.spatial?[7][0].fillInPlace(.infinity)
    var builder = FeatureSetBuilder(Self.widths, capacity: 200, need: [.pooled, .moments, .logits])
    let pooled = bad.pooled.cloned
    try builder.add(
      ImageFeatures(pooled: pooled, spatial: bad.spatial, logits: bad.logits), first: 40)
    let set = try builder.finish()
    #expect(set.count == 98 && set.nonFinite == [43, 47] && set.inceptionScore?.count == 98)
    let kept = Tensor((0..<100).filter { $0 != 3 && $0 != 7 })
    #expect(
      set.pooled?.elements(Float.self) == MetricValues.samples[0..<100].gathered(kept).elements())
  }
}
