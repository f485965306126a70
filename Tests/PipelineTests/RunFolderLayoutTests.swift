internal import Checkpoint
internal import Files
internal import Foundation
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

  /// Two steps of a run, each with an EMA and weights of its own step's number, and the link if asked
  /// for.
  private func makeRun(in folder: String, link: Int?) throws {
    for step in [1, 2] {
      let path = folder + "/checkpoints/" + RunFolderLayout.name(of: step)
      try Folder.make(path)
      for name in ["model", "ema"] {
        try CheckpointWriter.write(
          [("\(name) \(step)", .zeros([1]))], to: "\(path)/\(name).safetensors")
      }
    }
    if let link {
      try Folder.link(folder + "/checkpoints/latest", to: RunFolderLayout.name(of: link))
    }
  }

  private func first(_ path: String, _ weights: WeightSet = .automatic) throws -> String? {
    try Checkpoint.openModel(path, weights: weights).entries.first?.name
  }

  @Test func findsTheNewestStepWithoutALink() throws {
    try withTemporaryFolder { folder in
      try makeRun(in: folder, link: nil)
      // What is not finished, or set aside, is none.
      for name in [".partial-step-000003", "set-aside-step-000004", "step-000005", "step-x"] {
        try Folder.make("\(folder)/checkpoints/\(name)")
      }
      for place in ["", "/", "/checkpoints", "/checkpoints/latest"] {
        #expect(try first(folder + place) == "ema 2", "\(place)")
      }
      #expect(try first(folder + "/checkpoints/step-000001") == "ema 1")
      #expect(throws: FileError.self) { try first(folder + "/checkpoints/step-000009") }
    }
  }

  @Test func takesTheLinkBeforeANewerStep() throws {
    try withTemporaryFolder { folder in
      try makeRun(in: folder, link: 1)
      #expect(try first(folder) == "ema 1")
      // A link to a step that is gone.
      try Folder.link(folder + "/checkpoints/latest", to: "step-000009")
      #expect(try first(folder) == "ema 2")
    }
  }

  @Test func takesTheWeightsThatAreAskedFor() throws {
    try withTemporaryFolder { folder in
      try makeRun(in: folder, link: 2)
      for place in ["", "/checkpoints/latest", "/checkpoints/step-000002"] {
        #expect(try first(folder + place, .last) == "model 2")
        #expect(try first(folder + place, .averaged) == "ema 2")
      }
      try Folder.remove(folder + "/checkpoints/step-000002/ema.safetensors")
      #expect(try first(folder) == "model 2")
      let error = #expect(throws: CheckpointError.self) { try first(folder, .averaged) }
      #expect(error?.reason == .noAverage)
    }
  }

  /// Writes a checkpoint with a record of its checksums, and a number of the EMA's trainer.
  private func makeRecord(in folder: String, ema: String = "null") throws {
    let records = try CheckpointWriter.write(
      [
        ("a", Tensor([1, 2, 3] as [Float])), ("b", Tensor([4, 5] as [Int64])), ("c", .zeros([0])),
      ],
      metadata: ["class_names": "x"], to: folder + "/ema.safetensors")
    let file = try Checkpoint.open(folder + "/ema.safetensors")
    #expect(file.checksum == file.checksum(written: records) && file.checksum.count == 16)
    try AtomicFile.write(
      """
      {"trainer": {"optimizerStepCount": 100, "ema": \(ema)},
       "checksums": {"ema.safetensors": "\(file.checksum)"}}
      """, to: folder + "/state.json")
  }

  /// Any flipped bit: of the head with its texts, and of the numbers.
  @Test func noticesAFlippedBit() throws {
    try withTemporaryFolder { folder in
      try makeRecord(in: folder)
      let path = folder + "/ema.safetensors"
      for opened in [folder, path] { #expect(try first(opened) == "b") }
      let bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
      let name = try #require(bytes[8...].firstIndex(of: UInt8(ascii: "x")))
      for place in [name] + Array(bytes.count - 28..<bytes.count) {
        var spoiled = bytes
        spoiled[place] ^= 1
        try Data(spoiled).write(to: URL(filePath: path))
        for opened in [folder, path] {
          let error = #expect(throws: CheckpointError.self) { try first(opened) }
          #expect(error?.reason == .damaged && error?.message.contains(path) == true)
          #expect(error?.message.contains("state.json") == true)
        }
      }
      // A run of an earlier version has no checksums, and another file of that name no record.
      try AtomicFile.write(
        "{\"trainer\": {\"optimizerStepCount\": 1}}", to: folder + "/state.json")
      #expect(try first(folder) != nil)
      try Folder.remove(folder + "/state.json")
      #expect(try first(folder) != nil)
    }
  }

  @Test func tellsHowMuchOfAnAverageIsItsBeginning() throws {
    try withTemporaryFolder { folder in
      for (ema, share) in [
        ("{\"decay\": 0.99, \"warmsUp\": false}", 0.366), ("null", nil),
        ("{\"decay\": 0.99, \"warmsUp\": true}", 0),
        ("{\"decay\": 0.99, \"warmsUp\": false, \"startShare\": 0.25}", 0.25),
        ("{\"decay\": 0.99, \"warmsUp\": true, \"startShare\": 0.9}", 0.9),
      ] as [(String, Double?)] {
        try makeRecord(in: folder, ema: ema)
        let found = RunRecord.startShare(of: folder + "/ema.safetensors")
        #expect((found == nil) == (share == nil))
        #expect(abs((found ?? 0) - (share ?? 0)) < 1e-3)
        #expect(RunRecord.startShare(of: folder + "/model.safetensors") == nil)
      }
    }
  }
}
