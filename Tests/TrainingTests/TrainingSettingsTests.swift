internal import Checkpoint
internal import Diffusion
internal import Files
internal import Foundation
internal import ImageData
internal import Inference
internal import Models
internal import Pipeline
internal import TestSupport
internal import Testing
internal import Torch

@testable internal import Training

@Suite struct TrainingSettingsTests {
  /// Settings of a tiny model of pixels, of 4 images in two classes.
  private func settings(in folder: String) throws -> TrainingSettings {
    for (number, name) in ["a/0", "a/1", "b/2", "b/3"].enumerated() {
      let path = "\(folder)/images/\(name).png"
      try FileManager.default.createDirectory(
        at: URL(filePath: path).deletingLastPathComponent(), withIntermediateDirectories: true)
      let image = RGBImage(
        width: 16, height: 16, pixels: Array(repeating: UInt8(60 * number), count: 768))
      try Data(image.png()).write(to: URL(filePath: path))
    }
    var settings = TrainingSettings(
      data: .init(folder + "/images", autoencoder: .pixels), output: .init(folder + "/run"))
    settings.data.imageSize = 16
    (settings.model.hiddenSize, settings.model.depth) = (32, 1)
    (settings.model.headCount, settings.model.patchSize) = (2, 4)
    settings.recipe.batchSize = 2
    settings.length = .steps(3)
    return settings
  }

  private func losses(_ settings: TrainingSettings) throws -> [Double] {
    let session = try TrainingSession(settings)
    var losses: [Double] = []
    while let report = try session.takeStep() { losses.append(report.loss) }
    try session.finish()
    return losses
  }

  @Test func surviveJSON() throws {
    var settings = TrainingSettings(
      data: .init("images", autoencoder: .checkpoint("vae")), output: .init("run"))
    settings.model.preset = .b4
    settings.recipe.objective = .ddpm(weighting: .minSNR(gamma: 5))
    settings.recipe.timesteps = .logitNormal(mean: 0, deviation: 1)
    settings.recipe.dtype = .bfloat16
    settings.recipe.recompute = .every(2)
    settings.execution.mode = .graph
    settings.output.resumption = .checkpoint("step")
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let json = try encoder.encode(settings)
    let other = try JSONDecoder().decode(TrainingSettings.self, from: json)
    #expect(try encoder.encode(other) == json)
    #expect(String(decoding: json, as: UTF8.self).contains("\"dtype\":\"bfloat16\""))
  }

  @Test func resumesAsIfItHadNeverStopped() throws {
    try withTemporaryFolder { folder in
      var settings = try settings(in: folder)
      let whole = try losses(settings)
      settings.output.path = folder + "/other"
      settings.length = .steps(2)
      let first = try losses(settings)
      settings.length = .steps(3)
      settings.output.resumption = .newest
      #expect(try first + losses(settings) == whole && whole.count == 3)
    }
  }

  @Test func countsEpochs() throws {
    try withTemporaryFolder { folder in
      var settings = try settings(in: folder)
      settings.length = .epochs(3)
      settings.output.saveInterval = .epochs(2)
      let session = try TrainingSession(settings)
      #expect(session.trainer.stepCount == 6)
      while try session.takeStep() != nil {}
      try session.finish()
      #expect(session.directory?.savedSteps == [4, 6] && session.epoch == 3)
    }
  }

  @Test func saysWhatIsWrong() throws {
    try withTemporaryFolder { folder in
      let good = try settings(in: folder)
      func reason(_ change: (inout TrainingSettings) -> Void) throws -> TrainingError.Reason {
        var settings = good
        change(&settings)
        let error = #expect(throws: TrainingError.self) { try TrainingSession(settings) }
        #expect(!Folder.exists(folder + "/run"))
        return try #require(error).reason
      }
      #expect(try reason { $0.data.autoencoder = nil } == .autoencoderMissing)
      #expect(try reason { $0.data.imageSize = 18 } == .setting(.imageSize))
      #expect(try reason { $0.model.preset = .s8 } == .setting(.hiddenSize))
      #expect(try reason { $0.model.depth = nil } == .incompleteSize)
      #expect(try reason { $0.model.headCount = 3 } == .setting(.headCount))
      // Heads of two channels, which do not turn by row and column.
      #expect(
        try reason { ($0.model.headCount, $0.model.block) = (16, .modern) } == .setting(.headCount))
      #expect(try reason { $0.recipe.frozen = ["blokcs"] } == .setting(.frozen))
      _ = try losses(good)
      let error = #expect(throws: TrainingError.self) { try TrainingSession(good) }
      #expect(try #require(error).reason == .runExists)
    }
  }

  @Test func trainsBlocksByName() throws {
    try withTemporaryFolder { folder in
      var settings = try settings(in: folder)
      settings.model.block = .modern
      let whole = try losses(settings)
      let checkpoint = folder + "/run/checkpoints/latest/ema.safetensors"
      #expect(try DiTState(Checkpoint.open(checkpoint)).config.block == .modern)
      settings.output.path = folder + "/other"
      settings.length = .steps(2)
      let first = try losses(settings)
      settings.length = .steps(3)
      settings.output.resumption = .newest
      #expect(try first + losses(settings) == whole)
      // A finetune takes the blocks of its beginning; others are refused.
      settings.output = .init(folder + "/finetune")
      settings.model.pretrainedPath = checkpoint
      settings.model.block = nil
      #expect(try TrainingSession(settings).trainer.model.dit.config.block == .modern)
      settings.model.block = .lightning
      let error = #expect(throws: TrainingError.self) { try TrainingSession(settings) }
      #expect(try #require(error).reason == .setting(.block))
    }
  }

  @Test func keepsAFolderToItself() throws {
    try withTemporaryFolder { folder in
      let settings = try settings(in: folder)
      let session = try TrainingSession(settings)
      let error = #expect(throws: FileError.self) { try TrainingSession(settings) }
      #expect(try #require(error).reason == .inUse)
      #expect(try session.takeStep()?.step == 1)
    }
  }

  private struct Fault: Error {}

  @Test func letsGoOfAFolderWhenItFails() throws {
    try withTemporaryFolder { folder in
      var settings = try settings(in: folder)
      let stopped = try TrainingSession(settings)
      _ = try stopped.takeStep()
      _ = stopped.stop(because: Fault())
      // The session lives on.
      let second = try TrainingSession(settings)
      #expect(try second.takeStep()?.step == 1)
      // Where the checkpoint should go.
      try Folder.remove(folder + "/run/checkpoints")
      try AtomicFile.write("no folder", to: folder + "/run/checkpoints")
      #expect(throws: TrainingError.self) { try second.finish() }
      try Folder.remove(folder + "/run/checkpoints")
      settings.output.resumption = .newest
      #expect(try losses(settings).count == 3)
      _ = (stopped, second)
    }
  }

  @Test func beginsAnewWhereThereIsNothingToResume() throws {
    try withTemporaryFolder { folder in
      var settings = try settings(in: folder)
      let whole = try losses(settings)
      settings.output.resumption = .newest
      for (path, isThere) in [("nothing", false), ("begun", true)] {
        settings.output.path = folder + "/" + path
        if isThere { try Folder.make(folder + "/begun/checkpoints/.partial-step-000002") }
        #expect(try losses(settings) == whole)
      }
      settings.output.path = folder + "/other"
      settings.output.resumption = .checkpoint(folder + "/missing")
      #expect(throws: FileError.self) { try TrainingSession(settings) }
    }
  }

  @Test func savesSmallDataLessOftenThanEachEpoch() throws {
    try withTemporaryFolder { folder in
      var settings = try settings(in: folder)
      // Two steps an epoch.
      settings.length = .steps(700)
      #expect(try TrainingSession(settings).plan.options.saveInterval == 500)
      settings.recipe.batchSize = 1
      #expect(try TrainingSession(settings).plan.options.saveInterval == 500)
      settings.recipe.batchSize = 3
      // An epoch is one step of three of the four images: 500 epochs.
      #expect(try TrainingSession(settings).plan.options.saveInterval == 500)
      settings.output.saveInterval = .epochs(1)
      #expect(try TrainingSession(settings).plan.options.saveInterval == 1)
    }
    typealias Length = TrainingSettings.Length
    for (images, batch, expected) in [(1_281_167, 256, 1), (1000, 1, 1), (501, 1, 1), (300, 1, 2)] {
      let length = Length.epochs(epochLength: images, batchSize: batch, stepCount: 500)
      #expect(length == .epochs(expected))
    }
  }
}
