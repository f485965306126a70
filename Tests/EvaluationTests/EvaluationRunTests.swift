internal import Files
internal import Foundation
internal import ImageData
internal import Pipeline
internal import TestSupport
internal import Testing
internal import Torch

@testable internal import Evaluation

/// The mean color of an image.
private struct MeanColor: FeatureNetwork {
  let name = "mean-color"
  let featureCount = 3
  let spatialCount: Int? = nil
  let classCount: Int? = nil

  func features(of images: Tensor, check: () throws -> Void) throws -> ImageFeatures {
    ImageFeatures(pooled: images.to(.float32).mean(axes: [1, 2]))
  }
}

/// Images that nobody will read.
private struct ManyImages: EvaluatedImages {
  let name = "many"
  let count = 1 << 50
  let height = 8
  let width = 8
  let batchSize = 1 << 40
  let labels: [Int]? = nil
  let classNames: [String]? = nil
  let fingerprint: [String: String] = [:]

  func images(_ range: Range<Int>, check: () throws -> Void) throws -> PixelBatch {
    throw EvaluationError(.noImages, "these are read")
  }
}

@Suite struct EvaluationRunTests {
  private func write(_ sizes: [Int], to folder: String) throws {
    try Folder.make(folder)
    for (number, size) in sizes.enumerated() {
      let pixels = (0..<size * size * 3).map { UInt8(($0 * 7 + number * 31) % 256) }
      try RGBImage(width: size, height: size, pixels: pixels).png().withUnsafeBytes {
        try AtomicFile.write(contentsOf: $0, to: "\(folder)/\(number).png")
      }
    }
  }

  private func run(
    _ reference: EvaluationReference, _ samples: (any EvaluatedImages)? = nil, in folder: String
  ) throws -> EvaluationRun {
    try EvaluationRun(
      samples: samples, reference: reference, network: MeanColor(), networkDigest: "1",
      metrics: [.fid, .kid], folder: folder)
  }

  @Test func saysWhatRoomFeaturesNeed() throws {
    try withTemporaryFolder { folder in
      let run = try run(.images(ManyImages()), in: folder)
      let error = try #require(throws: FileError.self) { try run.run() }
      #expect(error.reason == .noSpace)
      // Three features of 2^50 images, and 1,024 headers.
      #expect(
        error.message.contains("needs \((12 << 50) + (64 << 10)) bytes and there are "), "\(error)")
    }
  }

  @Test func countsEnlargedImagesWhileItReadsThem() throws {
    try withTemporaryFolder { folder in
      try write([16, 9, 8, 12, 7, 4, 10], to: folder + "/reference")
      try write([16, 16, 20], to: folder + "/samples")
      let reference = try EvaluationReference(contentsOf: folder + "/reference", imageSize: 10)
      let samples = try FolderImages(folder + "/samples", imageSize: 10)
      let first = try run(reference, samples, in: folder + "/features")
      #expect(try first.run()?.figures.sampleCount == 3)
      let counts = try first.enlargedCounts()
      #expect(counts.map(\.name) == [folder + "/reference"] && counts.map(\.count) == [4])
    }
  }

  @Test func removesForgottenFeaturesOfTheCache() throws {
    try withTemporaryFolder { folder in
      let old = Date(timeIntervalSinceNow: -15 * 24 * 3_600)
      let recent = Date(timeIntervalSinceNow: -13 * 24 * 3_600)
      for (name, date) in [
        ("samples-old", old), ("reference-old", old), ("samples-recent", recent),
        ("samples-locked", old), ("mine", old), ("samples-mine", old),
      ] {
        let path = folder + "/" + name
        try Folder.make(path)
        if name != "samples-mine" { try AtomicFile.write("{}", to: path + "/plan.json") }
        try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: path)
      }
      let lock = try FolderLock(folder + "/samples-locked")
      for path in [folder + "/samples-locked", folder + "/samples-locked/.lock"] {
        try FileManager.default.setAttributes([.modificationDate: old], ofItemAtPath: path)
      }
      var removed: [String] = []
      try withExtendedLifetime(lock) {
        try run(.images(ManyImages()), in: folder).removeForgotten {
          if case .removes(let path) = $0 { removed.append(path) }
        }
      }
      #expect(removed.sorted() == [folder + "/reference-old", folder + "/samples-old"])
      #expect(
        try Folder.names(in: folder).sorted()
          == ["mine", "samples-locked", "samples-mine", "samples-recent"])
    }
  }
}
