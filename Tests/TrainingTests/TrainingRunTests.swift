internal import Foundation
internal import ImageData
internal import TestSupport
internal import Testing
internal import Torch
internal import Training

@Suite struct TrainingRunTests {
  /// Calls `body` with a run on the golden model, in a folder of its own; the batches of some steps,
  /// counted from 1, are not finite.
  private func withRun(
    _ options: RunOptions, stepCount: Int = 10, isGood: (Int) -> Bool = { _ in true },
    _ body: (TrainingRun, RunDirectory, GivenLatents) throws -> Void
  ) throws {
    try withTemporaryFolder { path in
      let start = Tensor.randn([2, 4, 8, 8], generator: try Generator(seed: 2))
      let data = GivenLatents(
        (1...stepCount).map { (isGood($0) ? start : start * .nan, Tensor([0, 1])) })
      let trainer = try goldenTrainer(data, stepCount: stepCount) { $0.batchSize = 2 }
      let directory = try RunDirectory(path + "/run")
      let run = try TrainingRun(
        trainer, data: data, codec: LatentCodec(nil), directory: directory, options: options,
        fingerprint: [:], device: .cpu)
      try run.begin()
      try body(run, directory, data)
    }
  }

  private func latest(_ directory: RunDirectory) throws -> String {
    try FileManager.default.destinationOfSymbolicLink(
      atPath: directory.path + "/checkpoints/latest")
  }

  private func log(_ directory: RunDirectory) throws -> String {
    try String(contentsOfFile: directory.path + "/log.txt", encoding: .utf8)
  }

  @Test func keepsWhatWasSavedBeforeStepsThatAreDropped() throws {
    let options = RunOptions(saveInterval: 2, keepCount: 2)
    try withRun(options, isGood: { $0 < 6 }) { run, directory, _ in
      while try run.takeStep() != nil {}
      let reason = try #require(try run.finish())
      #expect(reason.contains("not saved") && reason.contains("steps since 5 were dropped"))
      #expect(directory.savedSteps == [2, 4])
      #expect(try latest(directory) == "step-000004")
    }
  }

  @Test func savesTheNextStepThatIsNotDropped() throws {
    let options = RunOptions(saveInterval: 2)
    try withRun(options, stepCount: 4, isGood: { $0 != 2 }) { run, directory, _ in
      while try run.takeStep() != nil {}
      #expect(try run.finish() == nil)
      #expect(directory.savedSteps == [3, 4])
    }
  }

  private struct Lost: Error {}

  @Test(arguments: [true, false])
  func keepsWhatItWasSavingWhenAnErrorStopsIt(_ isOfAnImage: Bool) throws {
    try withRun(RunOptions(saveInterval: 2)) { run, directory, data in
      data.beforeEach = {
        if $0 == 3 { throw isOfAnImage ? ImageError("too many are broken") : Lost() }
      }
      let error = #expect(throws: (any Error).self) { while try run.takeStep() != nil {} }
      let lines = run.stop(because: try #require(error))
      #expect(directory.savedSteps == (isOfAnImage ? [2, 3] : [2]))
      let step = isOfAnImage ? 3 : 2
      #expect(try latest(directory) == "step-00000\(step)")
      #expect(try directory.checkpoint(at: step).state().sampleCount == 2 * step)
      #expect(lines == (isOfAnImage ? ["Saved step 3; --resume goes on from there."] : []))
      #expect(try log(directory).contains("stopped at step 3: "))
      #expect(try log(directory).contains("too many are broken") == isOfAnImage)
    }
  }

  @Test func stopsDrawingSamplesAfterSaving() throws {
    let options = RunOptions(saveInterval: 1, sampleInterval: 1)
    try withRun(options) { run, directory, _ in
      var asked = 0
      let (report, _) = try #require(
        try run.takeStep {
          asked += 1
          return asked > 5
        })
      #expect(asked == 6 && report.shouldStop)
      #expect(try run.finish() == nil)
      #expect(directory.savedSteps == [1])
      let samples = try FileManager.default.contentsOfDirectory(
        atPath: directory.path + "/samples")
      #expect(samples.isEmpty)
    }
  }
}
