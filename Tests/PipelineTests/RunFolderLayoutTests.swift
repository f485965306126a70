internal import Checkpoint
internal import Files
internal import Pipeline
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct RunFolderLayoutTests {
  @Test func opensTheAverageOfTheLastCheckpoint() throws {
    try withTemporaryFolder { folder in
      let last = folder + "/checkpoints/step-000002"
      try Folder.make(last)
      try Folder.link(folder + "/checkpoints/latest", to: "step-000002")
      func write(_ name: String) throws {
        try CheckpointWriter.write([(name, .zeros([1]))], to: "\(last)/\(name).safetensors")
      }
      func opened(_ path: String) throws -> String? {
        try Checkpoint.openModel(path).entries.first?.name
      }
      let paths = [folder, folder + "/", folder + "/checkpoints", last, last + "/"]
      try write("model")
      for path in paths { #expect(try opened(path) == "model", "\(path)") }
      try write("ema")
      for path in paths { #expect(try opened(path) == "ema", "\(path)") }
      #expect(try opened(last + "/model.safetensors") == "model")
    }
  }

  @Test func refusesOtherFolders() throws {
    try withTemporaryFolder { folder in
      let error = #expect(throws: FileError.self) { try Checkpoint.openModel(folder) }
      #expect(error?.reason == .isFolder)
    }
  }
}
