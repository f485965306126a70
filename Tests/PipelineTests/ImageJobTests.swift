internal import Diffusion
internal import Files
internal import Foundation
internal import ImageData
internal import Inference
@testable internal import Pipeline
internal import TestSupport
internal import Testing

@Suite struct ImageJobTests {
  private static let options = SamplingOptions(sampler: .ddim, stepCount: 2)

  private func images(
    _ pipeline: LatentDiffusionPipeline, _ plan: ImagePlan, isDone: (Int) -> Bool = { _ in false }
  ) throws -> [ImageJob.Image] {
    let job = try ImageJob(pipeline, plan, options: ImageJobTests.options, isDone: isDone)
    var images: [ImageJob.Image] = []
    while let batch = try job.next() { images += batch }
    #expect(job.doneCount == plan.labels.count)
    return images
  }

  @Test func givesEachImageTheSeedThatItHasAlone() throws {
    let pipeline = try LatentDiffusionPipeline(.small())
    let plan = ImagePlan(labels: [4, 1, 0], batchSize: 2, imageSize: 64, seed: 7)
    let all = try images(pipeline, plan)
    #expect(all.map(\.index) == [0, 1, 2] && all.map(\.label) == [4, 1, 0])
    let alone = ImagePlan(labels: [1], batchSize: 1, imageSize: 64, seed: 8)
    let image = try #require(try images(pipeline, alone).first)
    #expect(
      zip(all[1].pixels.pixels, image.pixels.pixels).allSatisfy { abs(Int($0) - Int($1)) <= 1 })
    #expect(Set(image.pixels.pixels).count > 8)
  }

  @Test func leavesOutBatchesThatAreDone() throws {
    let pipeline = try LatentDiffusionPipeline(.small())
    let plan = ImagePlan(labels: [4, 1, 0, 2, 3], batchSize: 2, imageSize: 64, seed: 7)
    let rest = try images(pipeline, plan) { $0 != 2 }
    #expect(rest.map(\.index) == [4])
  }

  @Test func stopsWhereItIsChecked() throws {
    let pipeline = try LatentDiffusionPipeline(.small())
    let plan = ImagePlan(labels: [4, 1], batchSize: 1, imageSize: 64, seed: 7)
    let job = try ImageJob(pipeline, plan, options: ImageJobTests.options)
    var calls = 0
    #expect(throws: CancellationError.self) {
      while try job.next(check: {
        calls += 1
        if calls == 2 { throw CancellationError() }
      }) != nil {}
    }
    #expect(calls == 2 && job.doneCount == 0)
    // The batch that was stopped is made again.
    var indices: [Int] = []
    while let batch = try job.next() { indices += batch.map(\.index) }
    #expect(indices == [0, 1] && job.doneCount == 2)
  }

  @Test func keepsTheImagesOfAFinishedJob() throws {
    try withTemporaryFolder { folder in
      let plan = ImagePlan(labels: [4], batchSize: 1, imageSize: 1, seed: 7)
      let pixels = RGBImage(width: 1, height: 1, pixels: [1, 2, 3])
      let image = ImageJob.Image(
        index: 0, label: 4, pixels: pixels, place: ImagePlace([4], row: 0))
      let output = NumberedImages(folder + "/out//")
      do {
        let lock = try output.begin(plan, ["seed": "7"])
        try withExtendedLifetime(lock) { try output.write([image], of: plan) }
      }
      // A folder of work files without settings, as a kill at the end leaves it, is no job.
      #expect(output.isBegun)
      try FileManager.default.removeItem(atPath: output.path + ".parts/plan.json")
      #expect(!output.isBegun)
      #expect(throws: PipelineError.self) { try output.begin(plan, ["seed": "8"]) }
      #expect(output.hasBatch(0, of: plan))
      let other = NumberedImages(output.path, replacesImages: true)
      _ = try other.begin(plan, ["seed": "8"])
      #expect(!output.hasBatch(0, of: plan))
    }
  }

  @Test func choosesClasses() throws {
    func labels(_ choice: LabelChoice, _ count: Int, seed: UInt64 = 1) throws -> [Int] {
      try choice.labels(count: count, classCount: 3, seed: seed)
    }
    #expect(try labels(LabelChoice(isDrawn: false), 7) == [0, 1, 2, 0, 1, 2, 0])
    #expect(try labels(LabelChoice([2, 0], isDrawn: false), 3) == [2, 0, 2])
    #expect(try labels(LabelChoice([], isDrawn: false), 2) == [0, 1])
    let drawn = LabelChoice(isDrawn: true)
    let many = try labels(drawn, 100)
    #expect(Set(many) == [0, 1, 2])
    #expect(try labels(drawn, 100) == many)
    #expect(try labels(drawn, 100, seed: 2) != many)
    #expect(try Set(labels(LabelChoice([2, 0], isDrawn: true), 100)) == [0, 2])
    #expect(
      [drawn, LabelChoice(isDrawn: false), LabelChoice([2, 0], isDrawn: false)].map(\.description)
        == ["random", "equal", "2,0"])
  }

  @Test func aFolderInUseIsAFaultOfTheOutputIfTheUserNamedIt() throws {
    try withTemporaryFolder { folder in
      try Folder.make(folder + "/out.parts")
      let lock = try FolderLock(folder + "/out.parts")
      try withExtendedLifetime(lock) {
        let named = try #require(throws: PipelineError.self) {
          try UnfinishedJob(of: folder + "/out").begin([:]) {}
        }
        #expect(named.reason == .outputInUse && named.isSetting)
        let cached = try #require(throws: FileError.self) {
          try UnfinishedJob(folder: folder + "/out.parts").begin([:]) {}
        }
        #expect(cached.reason == .inUse)
      }
    }
  }
}
