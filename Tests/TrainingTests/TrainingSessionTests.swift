internal import Checkpoint
internal import Files
internal import Foundation
internal import ImageData
internal import Logging
internal import Pipeline
internal import TestSupport
internal import Testing
internal import Torch

@testable internal import Training

@Suite struct TrainingSessionTests {
  /// Calls `body` with a session on the golden model, in a folder of its own; the batches of some steps,
  /// counted from 1, are not finite.
  private func withSession(
    _ options: RunOptions, stepCount: Int = 10, isGood: (Int) -> Bool = { _ in true },
    change: (inout RunDirectory) -> Void = { _ in },
    _ body: (TrainingSession, RunDirectory, GivenLatents) throws -> Void
  ) throws {
    try withTemporaryFolder { path in
      let start = Tensor.randn([2, 4, 8, 8], generator: try Generator(seed: 2))
      let data = GivenLatents(
        (1...stepCount).map { (isGood($0) ? start : start * .nan, Tensor([0, 1])) })
      let trainer = try goldenTrainer(data, stepCount: stepCount) { $0.batchSize = 2 }
      var directory = try RunDirectory(path + "/run")
      change(&directory)
      let session = try TrainingSession(
        SessionParts(
          trainer: trainer, data: data, codec: LatentCodec(nil), directory: directory,
          plan: RunPlan(options: options), recipe: TrainingConfig(), device: .cpu,
          dataset: .init(imageCount: 2, classCount: 3, hasClassNames: true),
          log: SessionLog(Logger(label: "test"), showsNotes: false), classesWithImages: [0, 1, 2],
          imageSize: 8))
      try session.start()
      try body(session, directory, data)
    }
  }

  private func latest(_ directory: RunDirectory) throws -> String {
    try FileManager.default.destinationOfSymbolicLink(
      atPath: directory.path + "/checkpoints/latest")
  }

  private func log(_ directory: RunDirectory) throws -> String {
    try String(contentsOfFile: directory.path + "/log.txt", encoding: .utf8)
  }

  /// A refused run leaves its new folder as it was, but not under the feet of another process.
  @Test func removesAnUnusedFolderUnlessAnotherRunHasIt() throws {
    try withTemporaryFolder { folder in
      let run = try RunDirectory(folder + "/run")
      let lock = try run.lock()
      run.removeUnused()
      #expect(Folder.hasFile(folder + "/run/.lock") && Folder.exists(folder + "/run/checkpoints"))
      withExtendedLifetime(lock) {}
      try FileManager.default.createDirectory(
        atPath: folder + "/other", withIntermediateDirectories: false)
      try RunDirectory(folder + "/other").removeUnused()
      #expect(try Folder.names(in: folder + "/other").isEmpty)
      try RunDirectory(folder + "/new/run").removeUnused()
      #expect(!Folder.exists(folder + "/new"))
    }
  }

  @Test func keepsCheckpointsFromBeforeSkippedSteps() throws {
    let options = RunOptions(saveInterval: 2, keepCount: 2)
    try withSession(options, isGood: { $0 < 6 }) { session, directory, _ in
      while try session.takeStep() != nil {}
      let error = try #require(#expect(throws: TrainingError.self) { try session.finish() })
      #expect(error.reason == .notFinite && error.message.contains("not saved"))
      #expect(error.message.contains("steps since 5 were dropped"))
      #expect(directory.savedSteps == [2, 4])
      #expect(try latest(directory) == "step-000004")
    }
  }

  @Test func savesTheNextStepThatIsNotSkipped() throws {
    let options = RunOptions(saveInterval: 2)
    try withSession(options, stepCount: 4, isGood: { $0 != 2 }) { session, directory, _ in
      var steps: [Int] = []
      try session.run { steps.append($0.step) }
      #expect(directory.savedSteps == [3, 4] && steps == [1, 2, 3, 4])
    }
  }

  @Test func errorsByNoiseAreThoseOfStepsThatCount() throws {
    try withSession(RunOptions(saveInterval: 4), stepCount: 4, isGood: { $0 != 2 }) {
      session, directory, _ in
      while try session.takeStep() != nil {}
      try session.finish()
      let lines = try String(
        contentsOfFile: directory.path + "/metrics.jsonl", encoding: .utf8
      ).split(separator: "\n")
      #expect(lines.count == 4 && lines[1].contains("\"dropped\":true"))
      let last = try #require(
        try JSONSerialization.jsonObject(with: Data(lines[3].utf8)) as? [String: Any])
      let errors = last.filter { $0.key.hasPrefix("mse_by_noise_") }
      #expect(!errors.isEmpty && errors.values.allSatisfy { $0 is Double }, "\(errors)")
    }
  }

  private struct Lost: Error {}

  @Test(arguments: [true, false])
  func completesTheCheckpointWhenAnErrorStopsIt(_ isOfAnImage: Bool) throws {
    try withSession(RunOptions(saveInterval: 2)) { session, directory, data in
      data.beforeEach = {
        if $0 == 3 { throw isOfAnImage ? ImageError("too many are broken") : Lost() }
      }
      let error = #expect(throws: (any Error).self) { while try session.takeStep() != nil {} }
      let saved = session.stop(because: try #require(error))
      #expect(directory.savedSteps == (isOfAnImage ? [2, 3] : [2]))
      let step = isOfAnImage ? 3 : 2
      #expect(try latest(directory) == "step-00000\(step)")
      #expect(try directory.checkpoint(at: step).state().sampleCount == 2 * step)
      #expect(saved == (isOfAnImage ? 3 : nil))
      #expect(try log(directory).contains("stopped at step 3: "))
      #expect(try log(directory).contains("too many are broken") == isOfAnImage)
    }
  }

  @Test func stopsDrawingSamplesAfterSaving() throws {
    let options = RunOptions(saveInterval: 1, sampleInterval: 1)
    try withSession(options) { session, directory, _ in
      var asked = 0
      let report = try #require(
        try session.takeStep {
          asked += 1
          return asked > 5
        })
      #expect(asked == 6 && report.shouldStop)
      try session.finish()
      #expect(directory.savedSteps == [1])
      let samples = try FileManager.default.contentsOfDirectory(
        atPath: directory.path + "/samples")
      #expect(samples.isEmpty)
    }
  }

  /// Symbolic links fail, as on exFAT, SMB and some FUSE file systems.
  @Test(arguments: [EPERM, ENOTSUP, EOPNOTSUPP, ENOSYS, EINVAL])
  func savesWithoutSymbolicLinks(_ number: Int32) throws {
    let options = RunOptions(saveInterval: 1, keepCount: 2)
    try withSession(
      options, stepCount: 4,
      change: { directory in
        // From before the folder came to such a file system.
        let link = directory.path + "/checkpoints/latest"
        try? Folder.link(link, to: "step-000001")
        directory.makeLink = { path, name in try Folder.link(path, to: name) { _, _ in number } }
      }
    ) { session, directory, _ in
      while try session.takeStep() != nil {}
      try session.finish()
      #expect(directory.savedSteps == [3, 4])
      let names = try Folder.names(in: directory.path + "/checkpoints")
      #expect(names == ["step-000003", "step-000004"])
      let last = directory.path + "/checkpoints/step-000004"
      #expect(RunDirectory.latestCheckpoint(of: directory.path) == last)
      let places = ["", "/checkpoints", "/checkpoints/latest", "/checkpoints/latest/"]
      for place in places {
        let checkpoint = try Checkpoint.openModel(directory.path + place)
        #expect(checkpoint.path == last + "/ema.safetensors")
        #expect(RunDirectory.checkpoint(at: directory.path + place) == last)
      }
      let lines = try log(directory).split(separator: "\n")
      #expect(lines.count { $0.contains("no symbolic links") } == 1)
      #expect(!lines.contains { $0.contains("could not be saved") })
    }
  }

  @Test func leavesAFolderWithTheNameOfTheLink() throws {
    try withSession(RunOptions(saveInterval: 1, keepCount: 1), stepCount: 2) {
      session, directory, _ in
      let copy = directory.path + "/checkpoints/latest"
      try Folder.make(copy)
      try AtomicFile.write("a copy", to: copy + "/model.safetensors")
      while try session.takeStep() != nil {}
      try session.finish()
      #expect(directory.savedSteps == [2])
      let opened = try Checkpoint.openModel(directory.path)
      #expect(opened.path.hasSuffix("/step-000002/ema.safetensors"))
      #expect(try log(directory).contains("latest' is a folder, not a link"))
    }
  }

  @Test func failsForOtherReasonsThanLinks() throws {
    try withSession(
      RunOptions(saveInterval: 1), stepCount: 1,
      change: { directory in
        directory.makeLink = { path, name in try Folder.link(path, to: name) { _, _ in ENOSPC } }
      }
    ) { session, _, _ in
      _ = try session.takeStep()
      let error = #expect(throws: TrainingError.self) { try session.finish() }
      #expect(error?.message.contains("No space left") == true)
    }
  }
}
