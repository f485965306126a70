internal import Checkpoint
internal import Files
internal import Foundation
internal import ImageData
internal import TestSupport
internal import Testing
internal import Torch

@testable internal import Evaluation

@Suite struct JudgeTests {
  private static let settings = JudgeSettings(imageSize: 32, heldOutShare: 0.25, sampleCount: 1_600)

  @Test func learnsToTellClassesApartAndIsKept() throws {
    try withShapesFolder(16) { path in
      let folder = try ImageFolder(path)
      let file = path + "/../\(UUID().uuidString).safetensors"
      defer { unlink(file) }
      var events: [JudgeEvent] = []
      let (judge, isNew) = try Judge.of(folder, keptAt: file, Self.settings) { events.append($0) }
      #expect(isNew)
      let summary = judge.summary
      #expect(summary.classNames == ["across", "alone", "squares", "upright"])
      #expect(summary.classCount == 4 && judge.classCount == 4)
      // Four of sixteen in each class; the class of one image has none to hold out.
      #expect(summary.heldOutCount == 12 && summary.trainingCount == 37)
      #expect(summary.heldOutAccuracy > 0.7)
      #expect(events.first == .reading(done: 49, of: 49))
      #expect(events.last == .trained(summary))
      let steps = events.compactMap {
        if case .training(let step, 43, _) = $0 { step } else { nil }
      }
      #expect(steps == Array(1...43))

      // Opened, it is the same.
      let (again, isNewAgain) = try Judge.of(folder, keptAt: file, Self.settings) { _ in
        Issue.record("a kept judge is not trained")
      }
      #expect(!isNewAgain && again.summary == summary && again.name == judge.name)
      let images = try Self.images(folder, [0, 20, 40])
      let features = try judge.features(of: images, check: {})
      let featuresAgain = try again.features(of: images, check: {})
      #expect(relativeError(featuresAgain.pooled, features.pooled) == 0)
      #expect(features.pooled.shape == [3, judge.featureCount])
      let logits = try #require(features.logits)
      #expect(logits.shape == [3, 4] && features.spatial == nil && judge.spatialCount == nil)
      let labels = [0, 20, 40].map(folder.label(at:))
      #expect(Judge.agreementCount(logits, labels: labels) >= 2)
      let larger = try RGBImage.resizedAsPillow(images, height: 40, width: 48)
      try expectStops(least: 4) { try judge.features(of: larger, check: $0).pooled }

      // Another image, another judge.
      try Self.image(90).png().withUnsafeBytes {
        try AtomicFile.write(contentsOf: $0, to: path + "/upright/3.png")
      }
      var few = Self.settings
      few.sampleCount = 64
      let (changed, isChanged) = try Judge.of(try ImageFolder(path), keptAt: file, few)
      #expect(isChanged && changed.name != judge.name)
      #expect(changed.summary.imageDigest != summary.imageDigest)
      #expect(try Judge(contentsOf: file).name == changed.name)
    }
  }

  @Test func theSameSeedMakesTheSameWeights() throws {
    try withShapesFolder(5) { path in
      let folder = try ImageFolder(path)
      func name(_ seed: UInt64) throws -> String {
        let settings = JudgeSettings(imageSize: 32, seed: seed, sampleCount: 64)
        return try Judge.trained(on: folder, settings).name
      }
      let first = try name(1)
      #expect(try name(1) == first)
      #expect(try name(2) != first)
    }
  }

  @Test(arguments: [(30, 213), (64, 100), (100, 156), (2_000, 1_562), (20, 320)])
  func seesEachImageAHundredTimesWithinLimits(_ imageCount: Int, _ stepCount: Int) throws {
    let training = try JudgeTraining(
      Array(repeating: [], count: imageCount), labels: [], classCount: 2, JudgeSettings())
    #expect(training.stepCount == stepCount)
  }

  @Test func scoresCountAtTheirLabels() {
    let logits = Tensor([Float(1), 3, 2, 5, 0, 5, 0, 1, 2], shape: [3, 3])
    #expect(Judge.agreementCount(logits, labels: [1, 0, 2]) == 3)
    #expect(Judge.agreementCount(logits, labels: [0, 2, 1]) == 1)
    let undefined = Tensor([Float.nan, 1], shape: [1, 2])
    #expect(Judge.agreementCount(undefined, labels: [1]) == 0)
  }

  @Test func foldersWithoutClassesOrImagesAreRefused() throws {
    try withTemporaryFolder { path in
      func reason() throws -> EvaluationError.Reason? {
        let folder = try ImageFolder(path)
        return try #require(throws: EvaluationError.self) { try Judge.trained(on: folder) }.reason
      }
      try Self.write(12, to: path + "/one")
      #expect(try reason() == .noClasses)
      try Folder.make(path + "/empty")
      #expect(try reason() == .noClasses)
    }
    try withTemporaryFolder { path in
      try Self.write(4, to: path + "/one")
      try Self.write(4, to: path + "/two")
      let folder = try ImageFolder(path)
      let error = try #require(throws: EvaluationError.self) { try Judge.trained(on: folder) }
      #expect(error.reason == .tooFewImages && error.message.contains("8 images"))
    }
  }

  @Test func brokenImagesAreLeftOutUpToALimit() throws {
    try withTemporaryFolder { path in
      try Self.write(10, to: path + "/one")
      try Self.write(10, to: path + "/two")
      func breaking(_ numbers: [Int]) throws -> ImageFolder {
        for number in numbers {
          try AtomicFile.write("no image", to: "\(path)/one/\(number).png")
        }
        return try ImageFolder(path)
      }
      let settings = JudgeSettings(imageSize: 16, sampleCount: 16)
      let some = try breaking([2, 5])
      let summary = try Judge.trained(on: some, settings).summary
      #expect(summary.trainingCount + summary.heldOutCount == 18)
      let many = try breaking(Array(0..<9))
      let error = try #require(throws: ImageError.self) { try Judge.trained(on: many, settings) }
      #expect(error.message.contains("cannot be read"))
    }
  }

  @Test func anotherFileIsLeftAlone() throws {
    try withShapesFolder(5) { path in
      let file = path + "/other.safetensors"
      try CheckpointWriter.write([("a", .zeros([2]))], to: file)
      let folder = try ImageFolder(path)
      let error = try #require(throws: EvaluationError.self) { try Judge.of(folder, keptAt: file) }
      #expect(error.reason == .unknownFeatures && error.message.contains("other.safetensors"))
      #expect(try Checkpoint.open(file).entries.map(\.name) == ["a"])
    }
  }

  /// Nothing is lost with a judge that does not open: its images are there.
  @Test func aJudgeThatDoesNotOpenIsReplaced() throws {
    try withShapesFolder(5) { path in
      let file = path + "/judge.safetensors"
      let folder = try ImageFolder(path)
      let settings = JudgeSettings(imageSize: 32, sampleCount: 16)
      func isNew() throws -> Bool {
        let (judge, isNew) = try Judge.of(folder, keptAt: file, settings)
        #expect(try Judge(contentsOf: file).name == judge.name)
        return isNew
      }
      #expect(try isNew() && !isNew())
      let whole = try Data(contentsOf: URL(filePath: file))
      func write(_ bytes: Data) throws { try bytes.write(to: URL(filePath: file)) }
      // Cut short, at any place, or never written.
      for count in [0, 5, 30, 200, 1_000, whole.count - 1] {
        try write(whole.prefix(count))
        #expect(try isNew(), "\(count)")
      }
      try write(Data(count: 4_096))
      #expect(try isNew())
      // A weight that has changed.
      var changed = whole
      changed[whole.count - 2] ^= 1
      try write(changed)
      #expect(throws: EvaluationError.self) { try Judge(contentsOf: file) }
      #expect(try isNew())
      // Of another version or width.
      let checkpoint = try Checkpoint.open(file)
      let tensors = checkpoint.stateDict.mapValues(\.cloned).sorted { $0.key < $1.key }
      var texts = checkpoint.metadata
      texts["judge_version"] = "1"
      try CheckpointWriter.write(tensors.map { ($0.key, $0.value) }, metadata: texts, to: file)
      #expect(try isNew())
      texts["judge_version"] = "2"
      try CheckpointWriter.write(
        tensors.map { ($0.key, $0.key == "head.weight" ? .zeros([4, 128]) : $0.value) },
        metadata: texts, to: file)
      #expect(try isNew() && !isNew())
      // What is no judge is left alone.
      for text in ["a text", "{\"a\": 1}", String(repeating: "another text ", count: 1_000)] {
        try write(Data(text.utf8))
        #expect(throws: (any Error).self, "\(text.prefix(12))") { try isNew() }
        #expect(try Data(contentsOf: URL(filePath: file)) == Data(text.utf8))
      }
    }
  }

  @Test func stopsWhereverItIsAsked() throws {
    struct Stop: Error {}
    try withShapesFolder(5) { path in
      let folder = try ImageFolder(path)
      let settings = JudgeSettings(imageSize: 32, sampleCount: 64)
      let file = path + "/judge.safetensors"
      // While images are hashed, read, seen, and held-out ones are tried.
      var checks = 0
      _ = try Judge.trained(on: folder, settings, check: { checks += 1 })
      for last in [1, 17, 18, checks] {
        var count = 0
        #expect(throws: Stop.self) {
          _ = try Judge.of(
            folder, keptAt: file, settings,
            check: {
              count += 1
              if count == last { throw Stop() }
            })
        }
        #expect(!Folder.hasFile(file))
      }
    }
  }

  private static func image(_ value: UInt8) -> RGBImage {
    RGBImage(width: 16, height: 16, pixels: Array(repeating: value, count: 3 * 16 * 16))
  }

  /// Plain images of different brightness.
  private static func write(_ count: Int, to folder: String) throws {
    try Folder.make(folder)
    for number in 0..<count {
      try image(UInt8(10 * number)).png().withUnsafeBytes {
        try AtomicFile.write(contentsOf: $0, to: "\(folder)/\(number).png")
      }
    }
  }

  /// Images of a folder, `[N, H, W, 3]`.
  private static func images(_ folder: ImageFolder, _ numbers: [Int]) throws -> Tensor {
    stacked(
      try numbers.map { number in
        let image = try RGBImage(contentsOf: folder.path(at: number))
        return Tensor(image.pixels, shape: [image.height, image.width, 3])
      })
  }
}
