internal import Checkpoint
internal import Evaluation
internal import Foundation
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct ReferenceArchiveTests {
  static func path(_ name: String) -> String { golden("npz/\(name).npz") }

  @Test(arguments: ["stored", "deflated", "fortran"]) func readsImages(_ name: String) throws {
    let images = try ArchivedImages(Self.path(name))
    #expect(images.count == 5 && images.height == 4 && images.width == 6)
    #expect(images.labels == (name == "fortran" ? nil : [3, 1, 4, 1, 5]))
    let batch = try images.images(1..<3)
    #expect(batch.shape == [2, 4, 6, 3] && batch.dtype == .uint8)
    #expect(batch.elements(Int.self) == (72..<216).map { $0 * 37 % 251 })
  }

  @Test func saysWhatIsNoImages() throws {
    expectError(.noImages, "'images' (uint8 [5, 4, 6, 3]), 'labels' (int64 [5])") {
      _ = try ArchivedImages(Self.path("other"))
    }
    expectError(.noImages, "'arr_0' is float32 [5, 4, 6, 3]; images are uint8, from 0 to 255") {
      _ = try ArchivedImages(Self.path("floats"))
    }
    expectError(.noImages, "transpose(0, 2, 3, 1)") {
      _ = try ArchivedImages(Self.path("channels-first"))
    }
    expectError(.noImages, "Python objects [2]") { _ = try ArchivedImages(Self.path("objects")) }
    try withTemporaryFolder { folder in
      for (shape, text) in [
        ([0, 4, 4, 3], "no images in it"), ([2, 4, 4, 4], "[N, H, W, 3]"),
        ([4, 4, 3], "[N, H, W, 3]"), ([1, 8193, 1, 3], "at most 8192 pixels"),
      ] {
        try NumPyArchive.write(
          [.init("arr_0", Tensor.zeros(shape, dtype: .uint8))], to: folder + "/x.npz")
        expectError(.noImages, text) { _ = try ArchivedImages(folder + "/x.npz") }
      }
    }
  }

  @Test(arguments: ["deflated", "fortran", "record"]) func readsStatistics(_ name: String) throws {
    let archive = try ReferenceArchive(Self.path(name))
    #expect(archive.hasMoments && !archive.hasSpatialMoments)
    #expect((archive.images == nil) == (name == "record"))
    let moments = try #require(try archive.moments(featureCount: 3))
    #expect(moments.mean.elements() == [0.5, -0.25, 2])
    #expect(moments.covariance.elements() == [2, 0.5, 0.25, 0.5, 1, 0, 0.25, 0, 3] as [Double])
    #expect(try archive.spatialMoments(featureCount: 3) == nil)
    #expect(moments.count == (name == "record" ? 7 : nil))
    let record = ReferenceRecord(features: "net", imageCount: 7, resize: "crop")
    #expect(archive.record == (name == "record" ? record : nil))
    expectError(.otherFeatures, "'mu' is float64 [3], not [2048]") {
      _ = try archive.moments(featureCount: 2048)
    }
  }

  @Test func saysWhatIsNoReference() throws {
    expectError(.incompleteReference, "'images' (uint8") {
      _ = try ReferenceArchive(Self.path("other"))
    }
    try withTemporaryFolder { folder in
      let path = folder + "/x.npz"
      let (mean, identity) = (
        Tensor.zeros([2], dtype: .float64), Tensor([1, 0, 0, 1] as [Double], shape: [2, 2])
      )
      func open(_ arrays: [NumPyArchive.Array]) throws {
        try NumPyArchive.write(arrays, to: path)
        _ = try ReferenceArchive(path).moments(featureCount: 2)
      }
      try open([.init("mu", mean), .init("sigma", identity)])
      expectError(.incompleteReference, "one of 'mu' and 'sigma' alone") {
        try open([.init("mu", mean)])
      }
      expectError(.invalidReference, "'mu' is int64 [2]; statistics are float64 or float32") {
        try open([.init("mu", [1, 2]), .init("sigma", identity)])
      }
      expectError(.otherFeatures, "'sigma' is float64 [2], not [2, 2]") {
        try open([.init("mu", mean), .init("sigma", mean)])
      }
      expectError(.nonFinite, "'mu' has infinite numbers or NaN") {
        try open([.init("mu", mean + .infinity), .init("sigma", identity)])
      }
      expectError(.invalidReference, "not symmetric") {
        try open([
          .init("mu", mean), .init("sigma", Tensor([1, 0.5, 0, 1] as [Double], shape: [2, 2])),
        ])
      }
      expectError(.invalidReference, "negative") {
        try open([.init("mu", mean), .init("sigma", identity * -1.0)])
      }
    }
  }

  /// Any byte of a file changed: figures or an error, and no end of the program.
  @Test(arguments: ["deflated", "fortran", "record"]) func survivesDamage(_ name: String) throws {
    let whole = try Data(contentsOf: URL(filePath: Self.path(name)))
    try withTemporaryFolder { folder in
      let path = folder + "/x.npz"
      for place in whole.indices {
        var bytes = whole
        bytes[place] ^= place.isMultiple(of: 2) ? 0xFF : 0x01
        try bytes.write(to: URL(filePath: path))
        guard let archive = try? ReferenceArchive(path) else { continue }
        _ = try? archive.moments(featureCount: 3)
        _ = try? archive.images?.images(0..<1)
      }
    }
  }

  @Test func readsWhatItWrites() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/reference.npz"
      let images = Tensor((0..<5 * 2 * 3 * 3).map { UInt8($0) }, shape: [5, 2, 3, 3])
      let moments = try FrechetDistanceTests.moments(MetricValues.samples)
      let spatial = try FrechetDistanceTests.moments(MetricValues.reference[0..<20])
      let record = ReferenceRecord(
        features: "inception-2015-12-05", imageCount: 600, resize: "as they are")
      func write(_ batch: @escaping (Range<Int>) throws -> Tensor) throws {
        try ReferenceArchive.write(
          to: path, record: record, moments: moments, spatialMoments: spatial,
          images: .init(count: 5, height: 2, width: 3, batch: batch))
      }
      try write { images[$0] }
      let archive = try ReferenceArchive(path)
      #expect(archive.record == record)
      let read = try #require(try archive.moments(featureCount: 24))
      #expect(read.count == 600 && read.mean.elements(Double.self) == moments.mean.elements())
      #expect(read.covariance.elements(Double.self) == moments.covariance.elements())
      let readSpatial = try #require(try archive.spatialMoments(featureCount: 24))
      #expect(readSpatial.covariance.elements(Double.self) == spatial.covariance.elements())
      #expect(
        try #require(archive.images).images(0..<5).elements(UInt8.self) == images.elements())
      try FileManager.default.removeItem(atPath: path)
      expectError(.otherSize, "not 2 x 3 x 3") { try write { images[$0].transposed(1, 2) } }
      #expect(!FileManager.default.fileExists(atPath: path))
    }
  }
}
